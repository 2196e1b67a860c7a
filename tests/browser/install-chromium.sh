#!/bin/sh
# Chromium for the browser tests, from the distribution's packages; says the exact line when it may not install it.
set -eu
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
line='apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core'
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Chromium for the browser tests" >&2
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
  exit 0
fi
echo "The browser tests need Chromium. Type:  sudo sh -c '$line'" >&2
exit 1
