import { IsolateError } from '../../error.ts';

/** The error of a source that unpacks to more than it may. */
export function tooLarge(name: string, bytes: number): IsolateError {
  return new IsolateError('source-too-large', `${name} unpacks to more than ${bytes} bytes.`, {
    hint: '--max-size allows more, if there is room',
  });
}
