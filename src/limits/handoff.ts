// A handoff at its two ends: what is read ahead, held, measured, waited for. Each bound's name ends in the unit, its comment says why this number.
// Lengths that arrive from outside are compared with these before any memory is taken for them.

import { KiB, MiB } from './size.ts'

/** How long a peer's rehearsal of a handoff takes: it ends by its deadline, since nobody is there to take anything. */
export const rehearsalMs = 300

/** Time at the end of a notice that is left for the receipt and for saying goodbye. */
export const reserveMs = 3_000

/** How long a source may say nothing while it is asked for its inventory, and an application's time for all of it; a third of the deadline in any case. */
export const inventoryTimeoutMs = 10_000

/** Over this long the rate is measured before it is believed: shorter ones mostly see the first windows fill. */
export const rateWindowMs = 1_000

/** Applications are asked again when the rate differs by more than this share from what they were told. */
export const rateChangeShare = 0.25

/** How often one handoff asks an application again: each answer costs it time. */
export const requeriesMax = 8

/** What one source is read ahead of the lanes: two batches of the directory's reader. */
export const feedAheadBytes = 2 * MiB

/** Sealed packs that wait for a lane. More would only be older when they leave. */
export const sealedAheadPacks = 3

/** Packs that a successor restores at a time. */
export const restoresMax = 4

/** Packs of so many fragments are given to their sink, memory and all: 64 KiB each, at least, when the pack is full. */
export const givenFragmentsMax = 16

/**
 * Opened packs that wait for their barrier in memory; beyond it they wait sealed on disk. They are not acknowledged, so they must leave most of any
 * window to what they wait for: a sender whose credit they take up could never send it.
 */
export const heldBytesMax = 512 * KiB

/** … and for so long: however small the window is, or the room at a relay, they don't keep what they wait for from coming. */
export const heldMsMax = 1_000

/** Chunks that an heir fetches from their origins at a time. */
export const originFetchesMax = 4

/** How long an origin may take to answer, and between two pieces of its answer. */
export const originStepTimeoutMs = 10_000

/** Failures in a row after which a place is not asked for the rest: each may have cost a time-out. */
export const originFailuresMax = 3

/**
 * An heir that reaches neither the predecessor nor the relay for this long ends with what it has; also one whose predecessor the relay takes for gone,
 * and whose lanes have brought nothing for so long.
 */
export const orphanMs = 30_000

/** A get that brings nothing for this long is given up: longer than any notice of a cloud, so that a slow predecessor is waited for. */
export const silentGetMs = 20 * 60 * 1000

/** Packs that a relay gives out and that don't open, before it is asked for no more. A damaged one costs itself only. */
export const falsePacksMax = 16

/** Handoffs that a peer remembers to have inherited, of those that aren't refused by their age: a peer inherits one at a time. */
export const acceptedHandoffsMax = 256

/** At a group's border a pack ends when it has at least this much: smaller packs would cost more than their order is worth. */
export const groupPackBytesMin = 64 * KiB

/** Of handoffs that share a rate: how long one whose turn it is may take to send something. It was told, and has packs ready. */
export const rateTurnMs = 50
