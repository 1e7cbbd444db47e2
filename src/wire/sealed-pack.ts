// A sealed pack as it travels: the same bytes on every lane (PROTOCOL.md, "Sealing").

export interface SealedPack {
  readonly number: number
  /** They don't change any more. */
  readonly pieces: readonly Uint8Array[]
  /** All pieces together. */
  readonly bytes: number
  /** Gives the pieces' memory back, once. For when nobody reads them any more; without it that takes its time. */
  free?(): void
}
