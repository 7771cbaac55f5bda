import { testUnits } from './units.ts';

testUnits('bookworm');
