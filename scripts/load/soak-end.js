// The peers of a soak, launched as Heirloom's programs are.
import { launch } from '../../bin/launch.js'

await launch('../scripts/load/soak-main.ts')
