// Where a chunk that goes by reference is to be had, and whether this machine goes there: a predecessor names the place, the heir's own
// configuration decides. Pure.
//
// Invariant: no more is fetched than a rule allows; a cloud's metadata service, which gives out credentials, only when a rule names its host.

import { isIP } from 'node:net'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** Beginnings of URLs (`https:`, `http://models.internal/v1/`) and absolute paths of folders. */
export type OriginRules = readonly string[]

/** Files are only fetched where the operator has named a folder: a path that is harmless on one machine is a secret on another. */
export const usualOriginRules: OriginRules = ['http:', 'https:']

export type OriginPlace = { readonly kind: 'http'; readonly url: URL } | { readonly kind: 'file'; readonly path: string }

/** The place; undefined for one that can't be fetched or that no rule allows, which is then left to the application. */
export function findPlace(origin: string, rules: OriginRules): OriginPlace | undefined {
  const url = urlOf(origin)
  if (url === undefined || !rules.some((rule) => covers(rule, url))) return undefined
  if (url.protocol === 'http:' || url.protocol === 'https:') return { kind: 'http', url }
  if (url.protocol !== 'file:' || (url.hostname !== '' && url.hostname !== 'localhost')) return undefined
  try {
    return { kind: 'file', path: fileURLToPath(url) }
  } catch {
    return undefined
  }
}

/** What is wrong with a rule, in words. */
export function originRuleProblem(rule: string): string | undefined {
  if (/^https?:$/.test(rule)) return undefined
  const url = urlOf(rule)
  if (url !== undefined && ['http:', 'https:', 'file:'].includes(url.protocol) && url.search === '' && url.hash === '') return undefined
  return 'expected http:, https:, the beginning of such a URL, or the absolute path of a folder'
}

function urlOf(text: string): URL | undefined {
  if (text.startsWith('/')) return pathToFileURL(text)
  return URL.canParse(text) ? new URL(text) : undefined
}

function covers(rule: string, url: URL): boolean {
  if (/^https?:$/.test(rule)) return url.protocol === rule && !isMetadataService(url.hostname)
  const base = urlOf(rule)
  if (base === undefined || base.protocol !== url.protocol || base.host !== url.host) return false
  const folder = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`
  // Parsed URLs have no dots to climb with, but for those that stand encoded.
  return (url.pathname === base.pathname || url.pathname.startsWith(folder)) && !/(^|\/|%2f)\.\.(\/|%2f|$)/i.test(decodedDots(url.pathname))
}

function decodedDots(path: string): string {
  return path.replaceAll(/%2e/gi, '.')
}

function isMetadataService(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  if (isIP(bare) === 4) return bare.startsWith('169.254.') || bare === '100.100.100.200'
  if (isIP(bare) === 6) return /^fe[89ab]/i.test(bare) || /^fd00:ec2:/i.test(bare) || /^::ffff:(a9fe|6464:64c8)/i.test(bare)
  return /^(metadata(\.google\.internal|\.tencentyun\.com)?|instance-data)\.?$/i.test(bare)
}
