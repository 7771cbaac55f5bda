import { execFileSync } from 'node:child_process';

export interface HtmlElement {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string | null>>;
  readonly children: readonly (HtmlElement | string)[];
}

/** Python's parser has nothing in common with isolate. An end that fits no beginning is an error. */
const program = `
import json, sys
from html.parser import HTMLParser
void = {'meta', 'input'}
class Reader(HTMLParser):
  def __init__(self):
    super().__init__()
    self.open = [{'tag': '', 'attributes': {}, 'children': []}]
  def handle_starttag(self, tag, attributes):
    assert len(dict(attributes)) == len(attributes), attributes
    element = {'tag': tag, 'attributes': dict(attributes), 'children': []}
    self.open[-1]['children'].append(element)
    if tag not in void: self.open.append(element)
  def handle_startendtag(self, tag, attributes):
    raise AssertionError(tag)
  def handle_endtag(self, tag):
    assert self.open.pop()['tag'] == tag, tag
  def handle_data(self, data):
    self.open[-1]['children'].append(data)
  def handle_comment(self, data):
    raise AssertionError(data)
  def handle_pi(self, data):
    raise AssertionError(data)
  def unknown_decl(self, data):
    raise AssertionError(data)
reader = Reader()
sys.setrecursionlimit(100000)
reader.feed(sys.stdin.buffer.read().decode('utf-8'))
reader.close()
assert len(reader.open) == 1, reader.open[-1]['tag']
json.dump(reader.open[0], sys.stdout)
`;

/** The document as an element without a name. */
export function parseHtml(html: string): HtmlElement {
  const root: HtmlElement = JSON.parse(execFileSync('python3', ['-c', program], { input: html, encoding: 'utf8', maxBuffer: 1e9 }));
  return root;
}

export function textOf(node: HtmlElement | string): string {
  return typeof node === 'string' ? node : node.children.map(textOf).join('');
}

/** All elements below one, in the order of the document. */
export function elementsOf(node: HtmlElement): readonly HtmlElement[] {
  return node.children.flatMap((child) => (typeof child === 'string' ? [] : [child, ...elementsOf(child)]));
}

export function withClass(node: HtmlElement, name: string): readonly HtmlElement[] {
  return elementsOf(node).filter(({ attributes }) => attributes['class'] === name);
}
