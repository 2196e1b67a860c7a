#!/bin/sh
# Firefox ESR, WebKitGTK and a screen for it, from the distribution's packages; says the exact line when it may not.
set -eu
packages='firefox-esr webkit2gtk-driver xvfb fonts-dejavu-core'
if command -v firefox-esr >/dev/null 2>&1 && command -v WebKitWebDriver >/dev/null 2>&1 && command -v Xvfb >/dev/null 2>&1
then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Firefox ESR and WebKitGTK for the browser tests" >&2
  apt-get update -qq >/dev/null
  # shellcheck disable=SC2086 # several packages
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
  exit 0
fi
echo "These tests need Firefox ESR and WebKitGTK. Type:  sudo sh -c 'apt-get update && apt-get install -y $packages'" >&2
exit 1
