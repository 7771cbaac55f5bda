import { channelVersion, frameBytes, type FrameRule, frames, windowBytes } from '../src/machine/schema.ts';
import { constant } from './gate-header.ts';

/** The schema as tables in C: what guest/schema.h has to be. */
export function renderChannelHeader(): string {
  const rules: readonly (readonly [string, FrameRule])[] = Object.entries(frames);
  return `${[
    '/* Written by scripts/build-schema.ts from src/machine/schema.ts. */',
    '#ifndef CHANNEL_SCHEMA_H',
    '#define CHANNEL_SCHEMA_H',
    '',
    `enum { CHANNEL_VERSION = ${channelVersion}, FRAME_BODY_MAX = ${frameBytes}, STREAM_WINDOW = ${windowBytes} };`,
    '',
    'enum frame_kind {',
    ...rules.map(([name, { kind }]) => `  FRAME_${constant(name)} = ${kind},`),
    '};',
    '',
    '/* By kind. `words`: how many numbers the body has; -1: bytes; -2: strings. */',
    'static const struct frame_rule { _Bool known, from_guest; int words; const char *name; } frame_rules[64] = {',
    ...rules.map(([name, { kind, from, body }]) => `  [${kind}] = {1, ${from === 'guest' ? 1 : 0}, ${words(body)}, "${name}"},`),
    '};',
    '',
    '#endif',
  ].join('\n')}\n`;
}

function words(body: FrameRule['body']): number {
  return body === 'bytes' ? -1 : body === 'strings' ? -2 : body.length;
}
