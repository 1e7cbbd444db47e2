// One predecessor of a storm, launched as Heirloom's programs are.
import { launch } from '../../bin/launch.js'

await launch('../scripts/load/storm-main.ts')
