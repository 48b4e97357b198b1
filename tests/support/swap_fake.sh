#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stands for two colours of an app and for the proxy before them: state is files in this script's folder. What must never
# happen is written to `violations`.
cd "${0%/*}" || exit 9
[ -e hang ] && sleep 60
other() {
	[ "$1" = blue ] && echo green || echo blue
}
# The share that a colour gets by now.
gets() {
	read -r share <share
	[ "$1" = green ] && echo "$share" || echo $((10000 - share))
}
up() {
	[ -e "$1.up" ] && echo 1 || echo 0
}
number() {
	[ -e "$1" ] && cat "$1" || echo "${2:-0}"
}
case $1 in
start)
	echo "start $2" >>trace
	[ -e "$2.broken" ] && { : >"$2.failed"; exit 1; }
	rm -f "$2.failed"
	: >"$2.up"
	;;
stop)
	echo "stop $2" >>trace
	if [ -e "$2.up" ]; then
		[ "$(gets "$2")" = 0 ] || echo "stop of $2 with $(gets "$2") of the requests" >>violations
		[ -e "$(other "$2").up" ] || echo "stop of $2 while the other one is down" >>violations
	fi
	rm -f "$2.up" "$2.failed"
	;;
status)
	echo "$(up "$2")"
	[ -e "$2.up" ] && exit 0
	[ -e "$2.failed" ] && exit 1
	exit 3
	;;
set)
	echo "set $2" >>trace
	[ "$2" = 0 ] || [ -e green.up ] || echo "set $2 while green is down" >>violations
	[ "$2" = 10000 ] || [ -e blue.up ] || echo "set $2 while blue is down" >>violations
	echo "$2" >share.new && mv share.new share
	;;
observe)
	[ -e gone ] && { echo "the proxy is gone" >&2; exit 1; }
	read -r share <share
	printf '{"share": %s, "share_stored": %s, "generation": %s' "$share" "$share" "$(number generation 1)"
	for c in blue green; do
		printf ', "%s": {"servers": 1, "up": %s, "sessions": %s, "queued": 0, "requests": %s, "errors": %s, "state": "-"}' \
			$c "$(up $c)" "$(number $c.sessions)" "$(number $c.n)" "$(number $c.k)"
	done
	echo '}'
	;;
hook)
	# hook NAME: what it does is in the file NAME.hook
	echo "hook $2 $GAVEA_HOOK_ACTION $GAVEA_RELEASE $GAVEA_NEW_COLOUR" >>trace
	[ -e "$2.hook" ] && . "./$2.hook"
	exit 0
	;;
esac
