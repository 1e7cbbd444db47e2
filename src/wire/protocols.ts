// The protocol ids (PROTOCOL.md, "Links and frames"). A change that breaks a reader gets a new one.

export const controlProtocol = '/heirloom/control/1'
export const transferProtocol = '/heirloom/transfer/1'
export const dataProtocol = '/heirloom/data/1'
