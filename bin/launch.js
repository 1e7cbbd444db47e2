// Looks at the version first: an older Node would answer TypeScript with a syntax error that helps nobody.

export async function launch(program) {
  if (Number(process.versions.node.split('.')[0]) < 24) {
    process.stderr.write(
      `error: Heirloom needs Node.js 24 or newer; this is ${process.versions.node}. In a checkout, npx and the npm scripts bring their own.\n`,
    )
    process.exit(64)
  }
  const { main } = await import(program)
  await main()
}
