#!/bin/sh
# sh kube-images.sh TOOLS COREDNS ROOT OUT: archives in OUT of the images that a node of kind holds, each a static program under exactly the name that kubeadm has for it.
# TOOLS is e2e/cluster/build.sh's folder, COREDNS a program, ROOT a root file system (root.sh) that kube-proxy's nft and iptables are taken from.
set -eu
tools=$1 coredns=$2 root=$3 out=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$("$tools/kubelet" --version | awk '{ print $2 }')
names=$("$tools/kubeadm" config images list --kubernetes-version "$version" 2>/dev/null)

# image FOLDER NAME: a folder with the program in it, as an image.
image() {
  mkdir -p "$1/tmp" "$1/etc"
  chmod 1777 "$1/tmp"
  echo 'root:x:0:0:root:/:/bin/sh' >"$1/etc/passwd"
  sh "$here/../cluster/image.sh" "$2" "$1" '{"Env":["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Entrypoint":["'"$3"'"]}' "$out/$(basename "$1").tar"
}

# take FOLDER FILE…: programs and plugins of the root file system, with the libraries that they want.
take() {
  folder=$1
  shift
  for file in "$@" $(chroot "$root" ldd "$@" | grep -oE '(=> )?/[^ :]+ ' | grep -oE '/[^ ]+' | sort -u); do
    mkdir -p "$folder$(dirname "$file")"
    cp -L "$root$file" "$folder$file"
  done
}

for name in $names; do
  program=$(basename "${name%:*}")
  folder=$work/$program
  mkdir -p "$folder/usr/local/bin" "$folder/usr/sbin"
  case $program in
  coredns) cp "$coredns" "$folder/usr/local/bin/coredns" ;;
  pause)
    musl-gcc -static -Os -s -o "$folder/usr/local/bin/pause" "$here/../cluster/pause.c"
    ;;
  *) cp "$tools/$program" "$folder/usr/local/bin/" ;;
  esac
  if [ "$program" = kube-proxy ]; then
    # shellcheck disable=SC2046
    take "$folder" /usr/sbin/nft /usr/sbin/conntrack /usr/sbin/xtables-nft-multi $(chroot "$root" sh -c 'ls /usr/lib/*-linux-gnu/xtables/*.so')
    # Without it `nft --json` has numbers for protocols. kube-proxy takes what it lists for other elements than its own, and deletes those in its next full sync.
    mkdir -p "$folder/etc"
    cp "$root/etc/protocols" "$folder/etc/"
    for link in iptables ip6tables; do
      for end in '' -save -restore; do ln -s xtables-nft-multi "$folder/usr/sbin/$link$end"; done
    done
  fi
  image "$folder" "$name" "/usr/local/bin/$program"
done
# containerd's own idea of it, which kind's configuration pins.
sandbox=$(sed -n 's/.*sandbox_image = "\(.*\)"/\1/p' "$root/etc/containerd/config.toml")
mv "$work/pause" "$work/sandbox"
image "$work/sandbox" "$sandbox" /usr/local/bin/pause
