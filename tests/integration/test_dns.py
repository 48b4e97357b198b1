# SPDX-License-Identifier: Apache-2.0
"""The dns plugin against real servers: nsd, knot, bind and unbound in a network namespace, with zones that are right and
zones that are wrong in one way each."""
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import dns_lab  # noqa: E402
from dns_lab import BIND, DAY, HOSTILE, KNOT, NOBODY, ROOT, TLD, UNBOUND  # noqa: E402

from conftest import Agent, BUILD, PATIENCE, SANITIZER, wait_until  # noqa: E402

pytestmark = pytest.mark.skipif(dns_lab.missing() is not None, reason=f"{dns_lab.missing()}")

NS = f"@ NS ns1\n@ NS ns2\nns1 A {KNOT}\nns2 A {BIND}\nwww A 192.0.2.1\nwww A 192.0.2.2\n"


def make_zones(lab):
    """The authorities' zones. Returns the lines of test. that delegate to them."""
    both, only_knot, delegations = [], [], []

    def add(name, text=NS, delegate=f"NS ns1.{{0}}\n{{0}} NS ns2.{{0}}\nns1.{{0}} A {KNOT}\nns2.{{0}} A {BIND}", **options):
        path = lab.zone(f"{name}.test", text, **options)
        both.append(f"{name}.test")
        delegations.append(f"{name} " + delegate.format(name))
        return path

    rich = NS + "\n".join([
        "www AAAA 2001:db8::1", "@ MX 10 Mail", "@ MX 20 mx2.example.", 'txt TXT "v=spf1 include:example.com" " -all"', "alias CNAME www",
        "out CNAME www.elsewhere.example.", "_sip._tcp SRV 1 2 5060 Sip.Example.", '@ CAA 0 issue "ca.example"', "@ CAA 128 iodef \"mailto:x@example\"",
        "_443._tcp TLSA 3 1 1 " + "ab" * 32, "@ HTTPS 1 . alpn=h2,h3 port=8443", "1 PTR Host.Good.test.", "short 5 A 192.0.2.9",
        *[f"big TXT \"{i:03}{'x' * 200}\"" for i in range(20)]])
    lab.sign(add("good", rich, expire=2 * DAY), "good.test")
    lab.sign(add("expired"), "expired.test", -20 * DAY, -3 * DAY)
    lab.sign(add("hour"), "hour.test", -20 * DAY, -3600)
    lab.sign(add("soon"), "soon.test", -20 * DAY, 2 * DAY)
    lab.sign(add("future"), "future.test", DAY, 30 * DAY)
    lab.sign(add("short", expire=40 * DAY), "short.test", -DAY, 10 * DAY)
    lab.sign(add("nods"), "nods.test")
    stray = lab.key("badds.test")
    stray_ds = lab.ds("badds.test")
    lab.key("badds.test", again=True)
    assert stray != lab.keys["badds.test"]
    lab.sign(add("badds"), "badds.test")
    delegations.append(stray_ds)
    delegations += [lab.ds(f"{name}.test") for name in ("good", "expired", "hour", "soon", "future", "short")]
    add("plain")
    add("stale", f"@ NS ns1\n@ NS ns3\nns1 A {BIND}\nns2 A {BIND}\nns3 A {BIND}\nwww A 192.0.2.1\n")
    add("noglue", f"@ NS ns1\n@ NS ns2\nns1 A {KNOT}\nns2 A {BIND}\nwww A 192.0.2.1\n", f"NS ns1.{{0}}\n{{0}} NS ns2.{{0}}\nns1.{{0}} A {KNOT}")
    add("outside", "@ NS ns1.good.test.\n@ NS ns2.good.test.\nwww A 192.0.2.1\n", "NS ns1.good\n{0} NS ns2.good")
    lab.zone("lame.test", NS)
    only_knot.append("lame.test")
    delegations.append(f"lame NS ns1.lame\nlame NS ns2.lame\nns1.lame A {KNOT}\nns2.lame A {BIND}")
    delegations.append(f"alllame NS ns1.alllame\nalllame NS ns2.alllame\nns1.alllame A {BIND}\nns2.alllame A {NOBODY}")
    delegations.append("circle1 NS ns.circle2\ncircle2 NS ns.circle1")
    delegations.append(f"hostile NS ns.hostile\nns.hostile A {HOSTILE}")
    add("serial", serial=10)
    lab.zone("serial.test", NS, where="bind", serial=7)
    add("moving", NS.replace("www A 192.0.2.1\nwww A 192.0.2.2", "www 2 A 192.0.2.10"))
    add("differ")
    lab.zone("differ.test", NS.replace("192.0.2.2", "192.0.2.99"), where="bind")
    for name in both:
        target = lab.folder / "zones/bind" / f"{name}.zone"
        if not target.exists():
            target.write_text((lab.folder / "zones" / f"{name}.zone").read_text())
    return delegations, both, only_knot


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = dns_lab.Lab(tmp_path_factory.mktemp("dns"))
    lab.open()
    try:
        delegations, both, only_knot = make_zones(lab)
        lab.zone("root", f"@ NS ns.root.\nns.root. A {ROOT}\ntest. NS ns.nic.test.\nns.nic.test. A {TLD}")
        lab.sign(lab.zone("test", f"@ NS ns.nic\nns.nic A {TLD}\n" + "\n".join(delegations)), "test")
        lab.anchor = lab.ds("test")
        lab.nsd("nsd", ROOT, {".": "root"})
        lab.knot("tld", TLD, ["test"])
        lab.knot("knot", KNOT, both + only_knot)
        lab.bind("bind", BIND, both, where="bind")
        lab.unbound("unbound", UNBOUND, [lab.anchor])
        lab.hostile("hostile", HOSTILE)
        for server, name in ((ROOT, "."), (TLD, "test"), (KNOT, "good.test"), (BIND, "good.test"), (HOSTILE, "x.hostile.test"),
                             (UNBOUND, "good.test")):
            lab.wait_for(server, name)
        yield lab
    finally:
        lab.close()


@pytest.fixture
def dns(lab):
    """dns(query="…", …) is the result of `gavea run dns` in the namespace; lists are joined by commas."""
    def run(**options):
        words = [f"{key}={','.join(value) if isinstance(value, (list, tuple)) else value}" for key, value in options.items()]
        done = subprocess.run(lab.inside(BUILD / "gavea", "run", "dns", "--json", *words), env=lab.env, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE * 2, check=False)
        assert not SANITIZER.search(done.stderr), done.stderr
        assert done.stdout, done.stderr
        return Result(json.loads(done.stdout))
    return run


@pytest.fixture
def zone(dns):
    """zone("www.good.test", …) asks the authorities, found from the root of the namespace."""
    def run(query, **options):
        return dns(query=query, ask="authorities", parent_servers=ROOT, **options)
    return run


class Result:
    def __init__(self, json_result):
        self.status, self.summary = json_result["status"], json_result["summary"]
        self.items = {item["name"]: item for item in json_result["items"]}
        self.samples = {(sample["name"], sample["labels"].get("server", sample["labels"].get("state"))): sample["value"] for sample in json_result["samples"]}

    def item(self, name):
        """(status, text) of the item with that name or the server with that address."""
        for key, item in self.items.items():
            if key == name or key.endswith("/" + name):
                return item["status"], item["summary"]
        raise AssertionError(f"no item {name} in {self}")

    def __repr__(self):
        return f"{self.status}: {self.summary}\n" + "\n".join(f"  {i['name']}: {i['status']}: {i['summary']} {i['attributes']}" for i in self.items.values())


# ---- Expected sets, by type ----

@pytest.mark.parametrize("query, kind, expect", [
    ("www.good.test", "A", ["192.0.2.2", "192.0.2.1"]),
    ("WWW.Good.TEST.", "A", ["192.0.2.1", "192.0.2.2"]),
    ("www.good.test", "AAAA", ["2001:DB8:0::1"]),
    ("good.test", "MX", ["20 mx2.example", "10 mail.good.test."]),
    ("txt.good.test", "TXT", ["v=spf1 include:example.com -all"]),
    ("alias.good.test", "CNAME", ["WWW.good.test"]),
    ("alias.good.test", "A", ["192.0.2.1", "192.0.2.2"]),
    ("good.test", "NS", ["ns1.good.test", "ns2.good.test"]),
    ("good.test", "SOA", ["ns.invalid host.invalid 1 600 60 172800 60"]),
    ("_sip._tcp.good.test", "SRV", ["1 2 5060 sip.example"]),
    ("good.test", "CAA", ['0 issue "ca.example"', '128 IODEF "mailto:x@example"']),
    ("_443._tcp.good.test", "TLSA", ["3 1 1 " + "AB" * 32]),
    ("1.good.test", "PTR", ["host.good.test"]),
    ("good.test", "HTTPS", ["1 . alpn=h2,h3 port=8443"]),
])
def test_a_set_is_compared_whatever_its_order_and_case(lab, dns, query, kind, expect):
    if kind == "HTTPS":  # the command line would cut it at its comma
        result = run_configured(lab, f'query = "{query}"; type = "{kind}"; expect = [ "{expect[0]}" ]; server = "{KNOT}";')
    else:
        result = dns(query=query, type=kind, expect=expect, servers=[KNOT, BIND])
    assert result.status == "ok", result


def run_configured(lab, options):
    """A check from a configuration file, run by the daemon."""
    folder = lab.folder / f"agent{time.monotonic_ns()}"
    (folder / "etc/conf.d").mkdir(parents=True)
    (folder / "etc/conf.d/dns.conf").write_text(f'dns: {{ every = "1h"; checks = ( {{ name = "one"; {options} }} ); }};\n')
    agent = Agent(folder, prefix=lab.inside())
    try:
        agent.ready()
        return wait_until("a result", lambda: status_of(agent, "dns/one"))
    finally:
        agent.stop()


def status_of(agent, name):
    said = agent.cli("status", name, "--json", check=False).stdout
    result = json.loads(said) if said.startswith("{") else {}
    return Result(result) if result.get("summary") else None


def test_what_is_missing_and_what_is_there_instead_is_told(dns):
    result = dns(query="www.good.test", expect=["192.0.2.1", "192.0.2.7"], server=KNOT)
    assert result.item(KNOT) == ("critical", "192.0.2.7 is missing, 192.0.2.2 is there instead")
    assert result.summary == f"www.good.test A: 0 of 1 server right; {KNOT}: 192.0.2.7 is missing, 192.0.2.2 is there instead"


@pytest.mark.parametrize("mode, expect, status", [
    ("includes", ["192.0.2.1"], "ok"), ("includes", ["192.0.2.1", "192.0.2.3"], "critical"),
    ("subset", ["192.0.2.1", "192.0.2.2", "192.0.2.3"], "ok"), ("subset", ["192.0.2.1"], "critical"),
    ("any", ["192.0.2.1", "192.0.2.9"], "ok"), ("any", ["192.0.2.9"], "critical"), ("exact", ["192.0.2.1"], "critical")])
def test_the_mode_says_how_sets_must_stand_to_each_other(dns, mode, expect, status):
    assert dns(query="www.good.test", expect=expect, expect_mode=mode, server=KNOT).status == status


# ---- Kinds of answers are told apart ----

@pytest.mark.parametrize("server, query, kind, text", [
    (KNOT, "none.good.test", "A", "NXDOMAIN: there is no name none.good.test"),
    (KNOT, "txt.good.test", "A", "the name has no record of type A"),
    (BIND, "www.lame.test", "A", "REFUSED: the server does not serve this zone, nor this host as a client"),
    (KNOT, "out.good.test", "A", "only an alias (CNAME) that leads elsewhere, without a record of type A: ask for type CNAME here, or a resolver"),
    (TLD, "www.good.test", "A", "a referral to other servers: it does not serve this zone, nor resolve for this host"),
    (HOSTILE, "servfail.hostile.test", "A", "SERVFAIL: the resolver gets no answer from the zone's servers; look at its log"),
    (NOBODY, "www.good.test", "A", "connection refused: no name server listens there; start it, or correct its address")])
def test_answers_that_are_none_are_told_apart(dns, server, query, kind, text):
    assert dns(query=query, type=kind, server=server).item(server) == ("critical", text)


@pytest.mark.parametrize("query, rcode, server, status", [
    ("none.good.test", "NXDOMAIN", KNOT, "ok"), ("www.good.test", "NXDOMAIN", KNOT, "critical"), ("txt.good.test", "NODATA", KNOT, "ok"),
    ("none.good.test", "NODATA", KNOT, "critical"), ("www.lame.test", "REFUSED", BIND, "ok"), ("servfail.hostile.test", "SERVFAIL", HOSTILE, "ok"),
    ("silent.hostile.test", "NXDOMAIN", HOSTILE, "critical")])
def test_another_kind_of_answer_can_be_the_right_one(dns, query, rcode, server, status):
    assert dns(query=query, expect_rcode=rcode, server=server, query_timeout="50ms", tries=1).status == status


def test_bogus_is_told_from_servfail(dns):
    result = dns(query="www.expired.test", server=UNBOUND)
    status, text = result.item(UNBOUND)
    assert status == "critical" and text.startswith("bogus: ") and "SERVFAIL, yet the answer is there without validation" in text


def test_a_validating_resolver_says_so(dns):
    result = dns(query="www.good.test", server=UNBOUND, expect=["192.0.2.1", "192.0.2.2"])
    assert result.status == "ok" and result.items[UNBOUND]["attributes"]["flags"] == "ra"


# ---- Servers ----

def test_each_server_of_resolv_conf_is_asked_by_itself(lab, dns):
    path = lab.folder / "resolv.conf"
    path.write_text(f"# two that work, one that does not\nsearch test\nnameserver {UNBOUND}\nnameserver {NOBODY}\nnameserver {KNOT}\n")
    result = dns(query="www.good.test", ask="resolv-conf", resolv_conf=path)
    assert result.status == "critical" and result.item(UNBOUND)[0] == "ok" and result.item(KNOT)[0] == "ok"
    assert result.items[f"resolv.conf/{NOBODY}"]["status"] == "critical"
    assert result.summary.startswith("www.good.test A: 2 of 3 servers right; ")


def test_a_resolv_conf_without_servers_is_unknown(lab, dns):
    path = lab.folder / "empty.conf"
    path.write_text("search test\n")
    result = dns(query="www.good.test", resolv_conf=path)
    assert result.status == "unknown" and result.item("resolv.conf") == ("unknown", f"{path}: no name server is listed")
    missing = lab.folder / "missing.conf"
    assert dns(query="www.good.test", resolv_conf=missing).status == "unknown"


def test_n_of_m_makes_the_others_a_warning(dns):
    servers = [KNOT, BIND, NOBODY]
    assert dns(query="www.good.test", servers=servers, at_least=2).status == "warning"
    assert dns(query="www.good.test", servers=servers).status == "critical"
    result = dns(query="www.good.test", servers=servers, at_least=3)
    assert result.status == "critical" and "2 of 3 servers right, at least 3 must be" in result.summary
    assert dns(query="www.good.test", server=KNOT, at_least=2).status == "critical"


def test_servers_that_disagree_are_a_warning_unless_told_not_to(dns):
    result = dns(query="www.differ.test", servers=[KNOT, BIND])
    assert result.item("agreement")[0] == "warning"
    assert dns(query="www.differ.test", servers=[KNOT, BIND], agree="false").status == "ok"


def test_a_name_whose_address_cannot_be_had_is_never_ok(dns):
    result = dns(query="www.good.test", servers=[KNOT, "no-such-host.invalid"])
    assert result.status in ("unknown", "critical") and "1 of 2 servers right" in result.summary


def test_samples_carry_known_names(dns):
    samples = dns(query="www.good.test", servers=[KNOT, NOBODY], serials="agree").samples
    assert samples["probe_dns_query_succeeded", KNOT] == 1 and samples["probe_dns_query_succeeded", NOBODY] == 0
    assert samples["probe_dns_answer_rrs", KNOT] == 2 and samples["probe_dns_serial", KNOT] == 1
    assert 0 < samples["probe_dns_duration_seconds", KNOT] < 60 and samples["gavea_dns_ttl_seconds", KNOT] == 300
    assert samples["gavea_dns_servers", "right"] == 1 and samples["gavea_dns_servers", "wrong"] == 1 and samples["probe_success", None] == 0


# ---- TTL, latency, TCP ----

def test_ttl_has_bounds(dns):
    assert dns(query="www.good.test", server=KNOT, min_ttl="5min", max_ttl="5min").status == "ok"
    assert dns(query="www.good.test", server=KNOT, min_ttl="10min").item(KNOT) == (
        "warning", "192.0.2.1, 192.0.2.2; TTL 300 s is below min_ttl, 600 s: raise it in the zone")
    assert dns(query="www.good.test", server=KNOT, max_ttl="1min").status == "warning"


def test_a_long_answer_comes_over_tcp(dns):
    result = dns(query="big.good.test", type="TXT", servers=[KNOT, BIND])
    assert result.status == "ok" and {item["attributes"]["transport"] for item in result.items.values()} == {"tcp+edns"}
    assert dns(query="www.good.test", server=KNOT, tcp="only").items[KNOT]["attributes"]["transport"] == "tcp+edns"
    assert dns(query="www.good.test", servers=[KNOT, BIND], tcp="check").status == "ok"


def test_an_answer_that_took_long_is_slow(dns):
    # Three tries, the last one without EDNS: the latency is that of the last.
    result = dns(query="www.good.test", server=KNOT, latency_warning="1us", latency_critical="2us")
    assert result.status == "critical" and "slow: " in result.summary


# ---- The zone ----

def test_authorities_are_found_from_the_delegation(zone):
    result = zone("www.good.test", expect=["192.0.2.1", "192.0.2.2"], tcp="check")
    assert result.status == "ok", result
    assert {name for name in result.items} == {f"ns1.good.test/{KNOT}", f"ns2.good.test/{BIND}", "delegation", "glue", "serials"}


@pytest.mark.parametrize("query, kind", [("alias.good.test", "CNAME"), ("_sip._tcp.good.test", "SRV"), ("good.test", "DS"), ("test", "NS")])
def test_the_zone_is_found_for_names_of_all_kinds(zone, query, kind):
    assert zone(query, type=kind).status == "ok"


def test_name_servers_outside_the_zone_are_looked_up(zone):
    assert zone("www.outside.test").status == "ok"


def test_a_delegation_that_differs_from_the_zone_is_told(zone):
    result = zone("www.stale.test")
    assert result.item("delegation") == ("warning", "test delegates to ns2.stale.test, which the zone stale.test does not list: correct the NS "
                                         "records there, or at the registrar; the zone stale.test lists ns3.stale.test, to which test does not "
                                         "delegate: add it at the registrar, or remove it")
    assert result.item("glue") == ("warning", f"the parent sends resolvers to {KNOT} for ns1.stale.test, the zone says {BIND}: correct the "
                                   "address at the registrar")


def test_glue_that_is_missing_is_critical(zone):
    status, text = zone("www.noglue.test").item("delegation")
    assert status == "critical" and "the parent has no glue for ns2.noglue.test" in text


def test_a_lame_server_is_critical(zone):
    result = zone("www.lame.test")
    assert result.item(KNOT)[0] == "ok"
    assert result.item(BIND) == ("critical", "REFUSED: lame: the server does not serve this zone; load it there, or take the server out of the "
                                 "NS records")
    assert zone("www.alllame.test").item("delegation")[0] == "critical"


def test_referrals_in_circles_come_to_an_end(zone):
    result = zone("www.circle1.test")
    assert result.status == "critical" and "ns.circle2.test has no address that could be found" in result.item("delegation")[1]


def test_parents_that_cannot_be_reached_are_unknown(dns):
    result = dns(query="www.good.test", ask="authorities", parent_servers=NOBODY)
    assert result.status == "unknown" and "no server of the zone . gives a usable answer about www.good.test" in result.item("authorities")[1]


def test_serials_must_agree(zone):
    assert zone("www.good.test").item("serials") == ("ok", "2 servers at serial 1")
    assert zone("www.serial.test").item("serials") == (
        "critical", f"ns2.serial.test/{BIND} is at serial 7, 3 behind: it serves old data; look at its transfers (NOTIFY, allow-transfer, keys)")
    assert zone("www.serial.test", serial_lag=3).status == "ok"
    assert zone("www.serial.test", serials="off").status == "ok"


# ---- DNSSEC ----

@pytest.mark.parametrize("name, mode, status, item, text", [
    ("good", "require", "ok", "dnssec", "secure"),
    ("expired", "validate", "critical", "dnssec", "bogus: validation failure"),
    ("expired", "validate", "critical", "signatures", "ran out 3d"),
    ("future", "validate", "critical", "dnssec", "bogus: validation failure"),
    ("future", "validate", "critical", "signatures", "is not valid yet"),
    ("soon", "validate", "warning", "signatures", "does the signer still work?"),
    ("short", "validate", "warning", "signatures", "less than the SOA's expire of 40d"),
    ("badds", "validate", "critical", "dnssec", "bogus: validation failure"),
    ("badds", "validate", "critical", "ds", "no DS at the parent fits a key of the zone"),
    ("nods", "validate", "warning", "ds", "the zone has keys, its parent no DS"),
    ("plain", "validate", "ok", "dnssec", "insecure"),
    ("plain", "require", "critical", "dnssec", "insecure: no chain of trust leads to www.plain.test")])
def test_signatures_and_keys(lab, zone, name, mode, status, item, text):
    result = zone(f"www.{name}.test", dnssec=mode, trust_anchor=lab.anchor)
    assert result.status == status, result
    assert text in result.item(item)[1], result


def test_a_signature_that_ran_out_an_hour_ago_is_bogus(lab, zone):
    # libunbound by itself takes signatures up to a day after their end.
    result = zone("www.hour.test", dnssec="validate", trust_anchor=lab.anchor)
    assert result.item("dnssec")[0] == "critical" and "expired" in result.item("dnssec")[1]


def test_listed_authorities_have_their_signatures_compared_with_expire(lab, dns):
    result = dns(query="www.short.test", server=KNOT, dnssec="validate", trust_anchor=lab.anchor, parent_servers=ROOT)
    assert result.status == "warning" and "less than the SOA's expire of 40d" in result.item("signatures")[1]


def test_validation_can_go_through_a_resolver(lab, dns):
    options = {"server": UNBOUND, "dnssec": "require", "trust_anchor": lab.anchor, "validate_through": UNBOUND}
    assert dns(query="www.good.test", **options).item("dnssec") == ("ok", "secure")
    assert dns(query="none.good.test", expect_rcode="NXDOMAIN", **options).item("dnssec") == ("ok", "secure")


def test_a_validation_of_something_else_is_unknown(lab, dns):
    # As with a name that only the servers inside know.
    result = dns(query="www.lame.test", server=KNOT, dnssec="validate", trust_anchor=lab.anchor, parent_servers=HOSTILE)
    assert result.item("dnssec")[0] in ("unknown", "critical")


def test_a_trust_anchor_can_be_a_file(lab, zone):
    path = lab.folder / "anchor.key"
    path.write_text(f"; of the test\n{lab.anchor}\n")
    assert zone("www.good.test", dnssec="require", trust_anchor=path).status == "ok"


# ---- Bad characters ----

@pytest.mark.parametrize("kind, status, text", [
    ("silent", "critical", "timeout: no answer in 2 tries of 150ms"),
    ("wrongid", "critical", "timeout: no answer"),
    ("wrongname", "critical", "timeout: no answer"),
    ("wrongtype", "critical", "timeout: no answer"),
    ("laterright", "ok", "192.0.2.1"),
    ("flood", "critical", "messages came and none answers the question"),
    ("loop", "critical", "the answer is not a DNS message"),
    ("garbage", "critical", "the answer is not a DNS message"),
    ("circle", "critical", "aliases in a circle, or more than 16 of them"),
    ("endless", "critical", "aliases in a circle, or more than 16 of them"),
    ("upwards", "critical", "a referral to other servers"),
    ("truncated", "ok", "192.0.2.1"),
    ("tcphangup", "critical", "truncated: the answer does not fit into UDP, and over TCP: Connection reset by peer"),
    ("tcpwrongid", "critical", "truncated: the answer does not fit into UDP, and over TCP: Bad message"),
    ("tcpflood", "critical", "truncated: the answer does not fit into UDP, and over TCP"),
    ("trickle", "critical", "truncated: the answer does not fit into UDP, and over TCP: Connection timed out"),
    ("noedns", "warning", "answers only without EDNS"),
    ("formerr", "warning", "answers only without EDNS")])
def test_bad_characters_are_seen_through_in_time(dns, kind, status, text):
    # Where an answer is waited for in vain the wait is short; where one comes it may take its time.
    patience = "150ms" if "timeout: " in text else "1s" if kind in ("trickle", "noedns") else "10s"
    result = dns(query=f"{kind}.hostile.test", server=HOSTILE, query_timeout=patience, tries=2)
    assert result.status == status and text in result.item(HOSTILE)[1], result


def test_a_zone_on_a_hostile_server_is_judged(zone):
    result = zone("www.hostile.test", query_timeout="150ms", tries=1)
    assert result.status in ("critical", "unknown")


def test_time_that_runs_out_leaves_the_rest_unknown(lab):
    words = ["query=silent.hostile.test", f"servers={HOSTILE},{KNOT}", "query_timeout=30s"]
    done = subprocess.run(lab.inside(BUILD / "gavea", "run", "dns", "--json", "--timeout", "1500ms", *words), env=lab.env, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
    result = Result(json.loads(done.stdout))
    assert result.item(HOSTILE) == ("unknown", "not asked to the end, time ran out: raise timeout, or ask fewer servers"), done.stderr
    assert result.item(KNOT)[0] == "critical" or result.item(KNOT)[0] == "ok"


# ---- Bad options ----

@pytest.mark.parametrize("options, text", [
    ({"query": "a..b"}, 'query: "a..b" is not the name of a domain'),
    ({"expect": "1.2.3"}, 'expect: "1.2.3" is not the data of a record of type A: Syntax error, could not parse the RR\'s rdata'),
    ({"server": "192.0.2.1:99999"}, 'server: "192.0.2.1:99999": the port is not a number from 1 to 65535'),
    ({"servers": "bad host"}, 'servers: "bad host": neither an address nor the name of a host'),
    ({"ask": "everybody"}, 'ask: "everybody" is none of servers, resolv-conf, authorities'),
    ({"ask": "servers"}, 'ask: "servers" needs the option servers'),
    ({"ask": "authorities", "server": "192.0.2.1"}, 'servers: they are not asked; add "servers" to ask'),
    ({"expect_rcode": "NXDOMAIN", "expect": "192.0.2.1"}, "expect_rcode: an answer without records can't have those of expect"),
    ({"expect_old": "192.0.2.1"}, "expect_old: expect_new is missing"),
    ({"expect_new": "192.0.2.1", "expect_old": "192.0.2.1"}, "expect_old: has what expect_new has; they must be told apart (expect_mode)"),
    ({"min_ttl": "2h", "max_ttl": "1h"}, "min_ttl: above max_ttl"),
    ({"dnssec": "validate", "trust_anchor": "example. A 192.0.2.1"}, 'trust_anchor: "example. A 192.0.2.1" is neither a DS nor a DNSKEY record'),
    ({"dnssec": "validate", "trust_anchor": "/nonexistent"},
     "trust_anchor: /nonexistent: No such file or directory (the root's is in the package dns-root-data)")])
def test_bad_options_are_named(dns, options, text):
    result = dns(**{"query": "www.good.test", **options})
    assert (result.status, result.summary) == ("unknown", text)


# ---- Over time ----

def reload_servers(lab, *names):
    for name in names:
        lab.processes[name].send_signal(signal.SIGHUP)


def test_the_cutover_gate_opens_when_the_old_answer_has_run_out_everywhere(lab, tmp_path, started):
    (tmp_path / "etc/conf.d").mkdir(parents=True)
    (tmp_path / "etc/conf.d/dns.conf").write_text(
        f'dns: {{ every = "200ms"; checks = ( {{ name = "gate"; query = "www.moving.test"; ask = [ "authorities", "servers" ]; '
        f'servers = [ "{UNBOUND}" ]; parent_servers = [ "{ROOT}" ]; serials = "off"; expect_old = [ "192.0.2.10" ]; '
        'expect_new = [ "192.0.2.20" ]; }} ); }};\n'.replace("}}", "}").replace("{{", "{"))
    agent = Agent(tmp_path, prefix=lab.inside())
    started.append(agent)
    agent.ready()

    def gate():
        result = status_of(agent, "dns/gate")
        return result.item("cutover")[1] if result and "cutover" in result.items else ""
    wait_until("the gate to be shut", lambda: gate() == "shut: 3 servers still give the old answer; 0 of 2 authorities have the new one")

    lab.zone("moving.test", NS.replace("www A 192.0.2.1\nwww A 192.0.2.2", "www 2 A 192.0.2.20"), serial=2)
    reload_servers(lab, "knot")
    wait_until("one authority to have changed", lambda: "1 of 2 authorities have the new one" in gate())

    lab.zone("moving.test", NS.replace("www A 192.0.2.1\nwww A 192.0.2.2", "www 2 A 192.0.2.20"), where="bind", serial=2)
    reload_servers(lab, "bind")
    wait_until("the gate to open", lambda: gate().startswith("open: all 2 authorities have the new answer"))
    # What was remembered outlives the agent: started anew it need not wait, nor ask what the old TTL was.
    agent.stop()
    started.remove(agent)
    again = Agent(tmp_path, prefix=lab.inside())
    started.append(again)
    again.ready()
    assert wait_until("a result", lambda: status_of(again, "dns/gate")).status == "ok"


def test_a_gate_that_never_saw_the_old_answer_stays_shut(zone):
    result = zone("www.good.test", expect_new=["192.0.2.1", "192.0.2.2"], expect_old="192.0.2.77")
    assert result.item("cutover") == ("unknown", "shut: the old answer was never seen, so nobody knows for how long caches keep it: set old_ttl, "
                                      "or start this check before the change")
    result = zone("www.good.test", expect_new=["192.0.2.1", "192.0.2.2"], old_ttl="1h")
    assert result.status == "warning" and result.item("cutover")[1].startswith("shut: everybody who was asked has the new answer, but caches")


def test_a_gate_needs_authorities(dns, zone):
    assert "no authority is among the servers" in dns(query="www.good.test", expect_new=["192.0.2.1", "192.0.2.2"], server=UNBOUND).item("cutover")[1]
    result = zone("www.good.test", expect_new="192.0.2.5", expect_old="192.0.2.6")
    assert result.item("cutover") == ("critical", "shut: 2 servers give neither the old nor the new answer")
    assert zone("www.lame.test", expect_new=["192.0.2.1", "192.0.2.2"], old_ttl="1s").item("cutover")[0] == "unknown"


@pytest.mark.skipif("san" in BUILD.name, reason="its memory is measured without sanitizers")
def test_the_plugin_keeps_the_rules_of_plugins(lab):
    done = subprocess.run(lab.inside(BUILD / "gavea", "plugin", "test", BUILD / "plugins/dns.so", "query=www.good.test", f"servers={KNOT},{NOBODY}"),
                          env=lab.env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
