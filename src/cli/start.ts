import './check-node.ts';
import { startProgram } from './code-cache.ts';

startProgram(import.meta.dirname);
