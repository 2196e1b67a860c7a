#!/bin/sh
# Redis for the tests of the cache's second tier, from the distribution's packages; says the exact line when it may not
# install it.
set -eu
for name in redis-server valkey-server; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
line='apt-get update && apt-get install -y --no-install-recommends redis-server'
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing redis-server for the tests of the cache" >&2
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >/dev/null
  exit 0
fi
echo "The tests of the cache need redis-server. Type:  sudo sh -c '$line'" >&2
exit 1
