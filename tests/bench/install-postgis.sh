#!/bin/sh
# PostgreSQL with PostGIS for make bench-postgis, from the distribution's packages; says the exact line when it may not
# install them. No cluster of the distribution is used.
set -eu
for folder in /usr/share/postgresql/*/extension; do
  if [ -e "$folder/postgis.control" ]; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing PostgreSQL and PostGIS to be measured beside" >&2
  apt-get update -qq >/dev/null
  version=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1)
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "postgresql-$version" "postgresql-$version-postgis-3" >/dev/null
  exit 0
fi
echo "make bench-postgis needs PostGIS. Type:  sudo sh tests/bench/install-postgis.sh" >&2
exit 1
