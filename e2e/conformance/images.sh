#!/bin/sh
# Makes the images that the tests' pods run, under the names that the tests give them, and prints the folder that holds their archives.
# docs/conformance.md says which are Kubernetes' own programs and which stand in. Half a minute the first time, then nothing. Needs root and apt.
set -eu
cd "$(dirname "$0")"
programs=$(sh programs.sh)
coredns=$(sh ../cluster/coredns.sh)
key=$( (cat images.sh debian-root.sh ../cluster/image.sh; echo "${programs##*/} ${coredns##*/}") | sha256sum | cut -c1-8)
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/conformance-images-$key
if [ -d "$out" ]; then
  echo "$out"
  exit 0
fi
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/images"
echo 'conformance: making the images of the tests' >&2
# The e2e.test of a version knows the tags of that version.
names() { "$programs/e2e.test" --list-images | grep -E "/$1:" | sort -u; }
pack() { sh ../cluster/image.sh "$1" "$work/$2" "$3" "$work/images/$4.tar"; }
# busybox into FOLDER/bin, under every name that is free there.
busybox() {
  cp /bin/busybox "$1/bin/"
  for applet in $(/bin/busybox --list); do
    [ -e "$1/bin/$applet" ] || [ -e "$1/sbin/$applet" ] || ln -sf busybox "$1/bin/$applet"
  done
}
path='"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]'

# One root for all that need a distribution: a node keeps one copy.
sh debian-root.sh "$work/debian" bind9-dnsutils curl iperf iproute2 iptables iputils-ping netcat-openbsd nftables procps util-linux wget
for alternative in nc:/bin/nc.openbsd iptables:iptables-nft ip6tables:ip6tables-nft; do
  ln -sf "${alternative#*:}" "$work/debian/usr/sbin/${alternative%%:*}"
done
# The real image is Alpine's: what it has of busybox, but for wget, which dies of -T in Debian's. As busybox does, this one tries once.
echo 'tries = 1' >"$work/debian/etc/wgetrc"
busybox "$work/debian/usr"
mkdir "$work/debian/uploads"
install -m 755 "$programs/agnhost" "$coredns/coredns" "$work/debian/"
install -m 644 "$programs"/localhost.* "$work/debian/"
ln -s agnhost "$work/debian/agnhost-2"
# No two may be the same but for their names: that would be one image.
sh ../cluster/image.sh "$(names agnhost)" "$work/debian" "{$path,\"Entrypoint\":[\"/agnhost\"],\"Cmd\":[\"pause\"]}" "$work/images/debian.tar" \
  "$(names glibc-dns-testing)" "{$path,\"Cmd\":[\"bash\"]}" \
  "$(names distroless-iptables)" "{$path,\"Cmd\":[\"sh\"]}" \
  "$(names nginx)" "{$path,\"Entrypoint\":[\"/agnhost\"],\"Cmd\":[\"netexec\",\"--http-port=80\"]}"

mkdir -p "$work/busybox/bin" "$work/busybox/tmp" "$work/busybox/etc"
busybox "$work/busybox"
echo 'root:x:0:0:root:/:/bin/sh' >"$work/busybox/etc/passwd"
pack "$(names busybox)" busybox '{"Env":["PATH=/bin"],"Cmd":["sh"]}' busybox

mkdir "$work/regression" "$work/pause"
cp "$programs/regression-issue-74839" "$work/regression/"
pack "$(names regression-issue-74839)" regression '{"Entrypoint":["/regression-issue-74839"]}' regression
musl-gcc -static -Os -s -o "$work/pause/pause" ../cluster/pause.c
pack "$(names pause)" pause '{"Entrypoint":["/pause"]}' pause

mv -T "$work/images" "$out" 2>/dev/null || [ -d "$out" ]
echo "$out"
