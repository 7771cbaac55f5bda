import {
  callerVariables,
  clientBodyBytes,
  daemonBodyBytes,
  type ItemRule,
  items,
  type MessageRule,
  messages,
  protocolVersion,
} from '../src/wire/schema.ts';

/** The schema as tables in C: what gate/schema.h has to be. */
export function renderSchemaHeader(): string {
  return `${[
    '/* Written by scripts/build-schema.ts from src/wire/schema.ts. */',
    '#ifndef SCHEMA_H',
    '#define SCHEMA_H',
    '',
    `enum { PROTOCOL_VERSION = ${protocolVersion}, CLIENT_BODY_MAX = ${clientBodyBytes}, DAEMON_BODY_MAX = ${daemonBodyBytes} };`,
    '',
    'enum item_tag {',
    ...Object.entries(items).map(([name, { tag }]) => `  ITEM_${constant(name)} = ${tag},`),
    '};',
    'enum message_kind {',
    ...Object.entries(messages).map(([name, { kind }]) => `  MESSAGE_${constant(name)} = ${kind},`),
    '};',
    'enum item_type { ITEM_TYPE_U32 = 1, ITEM_TYPE_STRING = 2, ITEM_TYPE_BYTES = 3 };',
    '',
    '/* By tag. */',
    'static const struct item_rule { unsigned type, size; } item_rules[] = {',
    ...Object.values(items).map(({ tag, type, size }: ItemRule) => `  [${tag}] = {ITEM_TYPE_${type.toUpperCase()}, ${size}},`),
    '};',
    '/* Which items a message has, and how often. */',
    'static const struct use_rule { unsigned kind, tag, least, most; } use_rules[] = {',
    ...Object.values(messages).flatMap(({ kind, items: uses }: MessageRule) =>
      Object.entries(uses).map(([name, use]) => `  {${kind}, ${items[name as keyof typeof items].tag}, ${use.least}, ${use.most}},`),
    ),
    '};',
    'static const unsigned client_kinds[] = {' + kinds('client') + '};',
    'static const unsigned daemon_kinds[] = {' + kinds('daemon') + '};',
    `static const char *const caller_variables[] = {${callerVariables.map((name) => `"${name}"`).join(', ')}};`,
    '',
    '#endif',
  ].join('\n')}\n`;
}

/** A name as constants in C are written. */
export function constant(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}

function kinds(from: MessageRule['from']): string {
  return Object.values(messages)
    .filter((rule) => rule.from === from)
    .map(({ kind }) => kind)
    .join(', ');
}
