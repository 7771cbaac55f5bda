import { testUnits } from './units.ts';

testUnits('trixie');
