// Many peers in one process, launched as Heirloom's programs are.
import { launch } from '../../bin/launch.js'

await launch('../scripts/load/end-main.ts')
