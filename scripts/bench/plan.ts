// How much is measured, and where.

export interface Plan {
  /** Where temporary folders go: the disk under the relay's store and the directories. */
  readonly folder: string
  readonly rounds: number
  /** What goes over each lane in each round. */
  readonly rateMebibytes: number
  /** The bulk that goes by while chunks are demanded. */
  readonly demandMebibytes: number
  /** What is handed over while the memory is watched. */
  readonly memoryMebibytes: number
  /** Of random files, and of JSON, that are copied side by side with other programs. */
  readonly copyMebibytes: number
  readonly jsonMebibytes: number
  /** Small files of the directory that is handed over. */
  readonly files: number
  /** Keys of the server that is handed over. */
  readonly keys: number
  readonly signal: AbortSignal
  /** Tells a person how far it is. */
  readonly note: (text: string) => void
}

export const fullSizes = {
  rateMebibytes: 4096,
  demandMebibytes: 1024,
  memoryMebibytes: 4096,
  copyMebibytes: 4096,
  jsonMebibytes: 1024,
  files: 100_000,
  keys: 1_000_000,
}
export const quickSizes = {
  rateMebibytes: 256,
  demandMebibytes: 256,
  memoryMebibytes: 512,
  copyMebibytes: 512,
  jsonMebibytes: 256,
  files: 10_000,
  keys: 100_000,
}
