#!/bin/sh
# A Java runtime for the W3C checker, from the distribution's packages; without one that test is skipped and says so.
set -eu
if command -v java >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing a Java runtime for the W3C checker" >&2
  apt-get update -qq >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends default-jre-headless >/dev/null && exit 0
fi
echo "The W3C checker needs Java. Type:  sudo sh -c 'apt-get update && apt-get install -y default-jre-headless'" >&2
