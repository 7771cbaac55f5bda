import type { BytePath } from '../change.ts';

interface Node<Value> {
  readonly literals: Map<string, Node<Value>>;
  readonly globs: { readonly parts: readonly string[]; readonly node: Node<Value> }[];
  /** After `**`: it stays reached, whatever segments follow. */
  deep: Node<Value> | null;
  readonly stays: boolean;
  readonly values: Value[];
  /** The last step that reached it. */
  reached: number;
}

export interface PathMatcher<Value> {
  /** The values of all patterns that fit, in no particular order, each perhaps more than once. */
  readonly match: (path: BytePath) => readonly Value[];
  /** How many nodes were looked at since the beginning. */
  readonly steps: () => number;
}

/** How many directories are remembered. */
const mostDirectories = 10_000;

/**
 * Matches paths with many patterns at once. In a pattern, `*` is any part of a segment, also nothing and a dot; `**` is any number of segments,
 * at the end at least one; `{a,b/c}` is one of several.
 */
export function createMatcher<Value>(patterns: readonly (readonly [pattern: string, value: Value])[]): PathMatcher<Value> {
  const root = createNode<Value>(false);
  for (const [pattern, value] of patterns) {
    for (const plain of expandBraces(pattern)) insert(root, plain, value);
  }
  let step = 0;
  let steps = 0;
  const reach = (node: Node<Value>, into: Node<Value>[]) => {
    if (node.reached === step) return;
    node.reached = step;
    into.push(node);
    if (node.deep !== null) reach(node.deep, into);
  };
  const advance = (nodes: readonly Node<Value>[], segment: string) => {
    const next: Node<Value>[] = [];
    step += 1;
    for (const node of nodes) {
      steps += 1 + node.globs.length;
      if (node.stays) reach(node, next);
      const literal = node.literals.get(segment);
      if (literal !== undefined) reach(literal, next);
      for (const glob of node.globs) if (fitsGlob(segment, glob.parts)) reach(glob.node, next);
    }
    return next;
  };
  step += 1;
  const start: Node<Value>[] = [];
  reach(root, start);
  // Neighbours share what their directory reaches.
  const directories = new Map<BytePath, readonly Node<Value>[]>();
  const nodesOf = (path: BytePath): readonly Node<Value>[] => {
    const slash = path.lastIndexOf('/');
    return advance(slash === -1 ? start : nodesOfDirectory(path.slice(0, slash)), path.slice(slash + 1));
  };
  const nodesOfDirectory = (path: BytePath): readonly Node<Value>[] => {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const nodes = nodesOf(path);
    if (directories.size >= mostDirectories) directories.clear();
    directories.set(path, nodes);
    return nodes;
  };
  const match = (path: BytePath) => {
    const values: Value[] = [];
    for (const node of nodesOf(path)) values.push(...node.values);
    return values;
  };
  return { match, steps: () => steps };
}

function createNode<Value>(stays: boolean): Node<Value> {
  return { literals: new Map(), globs: [], deep: null, stays, values: [], reached: 0 };
}

function insert<Value>(root: Node<Value>, pattern: string, value: Value): void {
  const segments = pattern.split('/');
  let node = root;
  for (const [at, segment] of segments.entries()) {
    if (segment !== '**') {
      node = child(node, segment);
      continue;
    }
    node.deep ??= createNode(true);
    node = node.deep;
    if (at === segments.length - 1) node = child(node, '*');
  }
  node.values.push(value);
}

function child<Value>(node: Node<Value>, segment: string): Node<Value> {
  if (!segment.includes('*')) {
    const known = node.literals.get(segment) ?? createNode<Value>(false);
    node.literals.set(segment, known);
    return known;
  }
  const same = node.globs.find(({ parts }) => parts.join('*') === segment);
  if (same !== undefined) return same.node;
  const made = createNode<Value>(false);
  node.globs.push({ parts: segment.split('*'), node: made });
  return made;
}

/** `parts` is the text around the stars. The first place of each part is enough, so nothing is tried twice. */
function fitsGlob(segment: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (segment.length < first.length + last.length || !segment.startsWith(first) || !segment.endsWith(last)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = segment.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return from + last.length <= segment.length;
}

/** Braces are not nested. */
function expandBraces(pattern: string): readonly string[] {
  const open = pattern.indexOf('{');
  if (open === -1) return [pattern];
  const close = pattern.indexOf('}', open);
  const rest = expandBraces(pattern.slice(close + 1));
  return pattern
    .slice(open + 1, close)
    .split(',')
    .flatMap((choice) => rest.map((end) => pattern.slice(0, open) + choice + end));
}
