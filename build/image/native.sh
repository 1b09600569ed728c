#!/bin/sh
# sh build/image/native.sh ARCH OUT: the native program for another architecture than this machine's, with Debian's cross compiler and that architecture's musl.
set -eu
cd "$(dirname "$0")/../.."
arch=$1
out=$2
case $arch in
arm64) target=aarch64 ;;
amd64) target=x86_64 ;;
*)
  echo "image: no architecture $arch" >&2
  exit 2
  ;;
esac
gnu=$target-linux-gnu
if ! command -v "$gnu-gcc" >/dev/null; then
  echo "image: no compiler for $arch: apt-get install gcc-$(echo $gnu | tr _ -)" >&2
  exit 1
fi
musl=$(sh build/image/packages.sh "$arch" musl-dev)/musl-dev
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What Debian's musl-gcc is for this machine: the GNU compiler with the paths of headers and libc.
mkdir "$work/bin"
cat >"$work/musl.specs" <<END
%rename cpp_options old_cpp_options
*cpp_options:
-nostdinc -isystem $musl/usr/include/$target-linux-musl -isystem include%s %(old_cpp_options)

*cc1:
%(cc1_cpu) -nostdinc -isystem $musl/usr/include/$target-linux-musl -isystem include%s

*link_libgcc:
-L$musl/usr/lib/$target-linux-musl -L .%s

*libgcc:
libgcc.a%s %:if-exists(libgcc_eh.a%s)

*startfile:
$musl/usr/lib/$target-linux-musl/crt1.o $musl/usr/lib/$target-linux-musl/crti.o crtbeginT.o%s

*endfile:
crtend.o%s $musl/usr/lib/$target-linux-musl/crtn.o

*link:
-nostdlib -static

*esp_link:


*esp_options:


*esp_cpp_options:


END
cat >"$work/bin/$target-linux-musl-gcc" <<END
#!/bin/sh
exec $gnu-gcc "\$@" -specs "$work/musl.specs"
END
chmod +x "$work/bin/$target-linux-musl-gcc"
# The machine's own ar cannot index what it does not know.
ln -s "$(command -v "$gnu-ar")" "$work/bin/ar"
PATH=$work/bin:$PATH CC=$target-linux-musl-gcc sh build/plugins.sh "$out"
