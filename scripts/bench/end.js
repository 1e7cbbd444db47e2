// One end of a measurement, launched as Heirloom's programs are.
import { launch } from '../../bin/launch.js'

await launch('../scripts/bench/end-main.ts')
