// Loaded first, and written so that ten-year-old versions of Node can run it, because client/node.c may take Node from PATH.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(
    `isolate: no Node of version 22.22 or later was found (the one in PATH: ${process.version})\n` +
      'hint: run npm install in the directory of isolate to get the right one\n',
  );
  process.exit(125);
}
