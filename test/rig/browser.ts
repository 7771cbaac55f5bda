import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** How a page is shown. */
export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly scheme?: 'light' | 'dark';
  readonly medium?: 'screen' | 'print';
  /** It is touched, and has two dots for each pixel of the page. */
  readonly isPhone?: boolean;
}

type Answer = Readonly<Record<string, unknown>>;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Answer;
  readonly result?: Answer;
  readonly error?: unknown;
}

/** The keys by what the browser wants to know of them. */
const keys = {
  Enter: { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' },
  Space: { key: ' ', code: 'Space', windowsVirtualKeyCode: 32, text: ' ' },
} as const;

/** Chromium without a screen, in a network namespace that has nothing, spoken to over pipes by the DevTools protocol. */
export class Browser {
  /** The addresses that were asked for, and what was said on the console, since the last visit. */
  requests: string[] = [];
  complaints: string[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), 'isolate-browser-'));
  readonly #child: ChildProcess;
  readonly #commands: Writable;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (reason: Error) => void }>();
  #load: { resolve: () => void; reject: (reason: Error) => void } | undefined;
  #session: string | undefined;
  #lastId = 0;
  #log = '';

  private constructor() {
    const options = ['--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--remote-debugging-pipe', `--user-data-dir=${this.#directory}`];
    // A process group of its own, because a browser consists of many processes.
    this.#child = spawn('unshare', ['--net', 'chromium-headless-shell', ...options], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
      env: { PATH: '/usr/bin:/bin', HOME: this.#directory, TMPDIR: this.#directory, LC_ALL: 'C.UTF-8' },
      detached: true,
    });
    this.#commands = this.#child.stdio[3] as Writable;
    this.#commands.on('error', () => {});
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#log = (this.#log + text).slice(-4000)));
    this.#child.on('error', (error) => this.#giveUp(error.message));
    this.#child.on('close', () => this.#giveUp(this.#log));
    this.#readMessages(this.#child.stdio[4] as Readable);
  }

  static async start(): Promise<Browser> {
    const browser = new Browser();
    try {
      const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
      const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
      browser.#session = String(sessionId);
      for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await browser.send(`${domain}.enable`);
      return browser;
    } catch (error) {
      await browser.stop();
      throw error;
    }
  }

  /** Loads a page; when this has ended, its script has run. */
  async visit(address: string, { width, height, scheme = 'light', medium = 'screen', isPhone = false }: Screen): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: isPhone ? 2 : 1, mobile: isPhone });
    await this.send('Emulation.setTouchEmulationEnabled', { enabled: isPhone });
    await this.send('Emulation.setEmulatedMedia', { media: medium, features: [{ name: 'prefers-color-scheme', value: scheme }] });
    // The same address again would only be another place in the page.
    for (const url of ['about:blank', address]) {
      const loaded = new Promise<void>((resolve, reject) => (this.#load = { resolve, reject }));
      this.requests = [];
      this.complaints = [];
      await Promise.all([loaded, this.send('Page.navigate', { url })]);
    }
  }

  /** The value of an expression of JavaScript in the page; promises are waited for. */
  async ask<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { readonly value: T }).value;
  }

  async press(name: keyof typeof keys): Promise<void> {
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', ...keys[name] });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...keys[name], text: '' });
  }

  /** Into the element that has the focus. */
  async type(text: string): Promise<void> {
    await this.send('Input.insertText', { text });
  }

  /** Clicks at the beginning of the element that an expression gives, where people see it. */
  async click(expression: string): Promise<void> {
    const place = `(() => { const element = ${expression}; element.scrollIntoView({ block: 'center' }); return element.getClientRects()[0]; })()`;
    const { x, y, height } = await this.ask<{ x: number; y: number; height: number }>(`${place}.toJSON()`);
    const at = { x: x + 5, y: y + height / 2, button: 'left', clickCount: 1 };
    await this.send('Input.dispatchMouseEvent', { type: 'mousePressed', ...at });
    await this.send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...at });
  }

  /** What the screen shows, as a PNG. */
  async photograph(file: string): Promise<void> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
    writeFileSync(file, Buffer.from(String(data), 'base64'));
  }

  /** Sends a command of the protocol, and waits for the answer. */
  async send(method: string, params: Answer = {}): Promise<Answer> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#commands.write(`${JSON.stringify({ id, method, params, sessionId: this.#session })}\0`);
    return await answer;
  }

  /** Ends it with all its processes. Nothing is left of it. */
  async stop(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid !== undefined && exitCode === null && signalCode === null) {
      // Its pipes are closed when the last process has ended.
      const closed = once(this.#child, 'close');
      process.kill(-pid, 'SIGKILL');
      await closed;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #readMessages(messages: Readable): void {
    let text = '';
    messages.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (text + chunk).split('\0');
      text = parts.pop() ?? '';
      for (const part of parts) this.#hear(JSON.parse(part) as Message);
    });
  }

  #hear({ id, method, params = {}, result, error }: Message): void {
    if (id !== undefined) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result ?? {});
      else waiting?.reject(new Error(JSON.stringify(error)));
    } else if (method === 'Page.loadEventFired') this.#load?.resolve();
    else if (method === 'Network.requestWillBeSent') this.requests.push((params['request'] as { readonly url: string }).url);
    else if (method !== undefined && complaints.has(method)) this.complaints.push(JSON.stringify(params));
  }

  #giveUp(reason: string): void {
    const error = new Error(`The browser has ended: ${reason}`);
    for (const { reject } of [...this.#waiting.values(), ...(this.#load === undefined ? [] : [this.#load])]) reject(error);
    this.#waiting.clear();
  }
}

/** Events that a page has no reason for. */
const complaints = new Set(['Log.entryAdded', 'Runtime.consoleAPICalled', 'Runtime.exceptionThrown', 'Page.javascriptDialogOpening']);
