// Content with a signature over `label ‖ 0x00 ‖ content` (PROTOCOL.md, "Sealing"): a signature made for one use is none for another.

import { create, toBinary } from '@bufbuild/protobuf'
import type { KeyObject } from 'node:crypto'
import { SignedSchema } from '../wire/gen/seal_pb.ts'
import { readMessage } from '../wire/message.ts'
import { ed25519Sign, ed25519Verify } from './ed25519.ts'

export type Label = 'heirloom/1 certificate' | 'heirloom/1 header' | 'heirloom/1 receipt'

function labelled(label: Label, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(label), Buffer.of(0), content])
}

export function signContent(key: KeyObject, label: Label, content: Uint8Array): Uint8Array {
  return ed25519Sign(key, labelled(label, content))
}

export function isSigned(publicKey: Uint8Array, label: Label, content: Uint8Array, signature: Uint8Array): boolean {
  return ed25519Verify(publicKey, labelled(label, content), signature)
}

/** The content with its signature, as it travels. */
export function wrapSigned(key: KeyObject, label: Label, content: Uint8Array): Uint8Array {
  return toBinary(SignedSchema, create(SignedSchema, { content, signature: signContent(key, label, content) }))
}

/** The two parts, unverified: who must have signed often stands in the content. Throws `malformed`. */
export function readSigned(bytes: Uint8Array): { content: Uint8Array; signature: Uint8Array } {
  const { content, signature } = readMessage(SignedSchema, bytes, 'signed content')
  return { content, signature }
}
