use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::testing::Scripted;

const VECTORS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/egress/vectors.tsv"
);

fn scripted() -> Egress {
    Egress::public().resolver(Scripted::new(&[
        "example.org=93.184.215.14",
        "xn--exmple-cua.org=93.184.215.14",
        "good.example=93.184.215.14",
        "localhost=127.0.0.1,::1",
        "loopback.example=127.0.0.1",
        "private.example=10.0.0.1",
        "metadata.example=169.254.169.254",
        "one-of-two.example=93.184.215.14,192.168.1.1",
        "mapped.example=::ffff:127.0.0.1",
        "nat64.example=64:ff9b::7f00:1",
        "nat64-public.example=64:ff9b::5db8:d70e",
        "six.example=2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "ula.example=fd00:ec2::254",
    ]))
}

fn verdict(egress: &Egress, url: &str) -> String {
    let resolved = Target::parse(url).and_then(|target| {
        let (host, port) = (target.origin().host(), target.origin().port());
        let addresses = egress.resolve(host, port, Duration::from_secs(1))?;
        Ok((target, addresses))
    });
    match resolved {
        Ok((target, addresses)) => format!("{} at {addresses:?}", target.url()),
        Err(failure) => format!("{}: {failure}", failure.kind),
    }
}

/// Each line is a URL as a JSON string, a tab, and what becomes of it.
#[test]
fn every_vector_meets_its_verdict() {
    let egress = scripted();
    let table = std::fs::read_to_string(VECTORS).unwrap();
    let judged: Vec<String> = table
        .lines()
        .map(|line| {
            let (url, _) = line.split_once('\t').unwrap_or((line, ""));
            let Ok(text) = serde_json::from_str::<String>(url) else {
                return line.to_owned();
            };
            format!("{url}\t{}", verdict(&egress, &text))
        })
        .collect();
    let judged = judged.join("\n") + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(Path::new(VECTORS), &judged).unwrap();
        return;
    }
    for (was, is) in table.lines().zip(judged.lines()) {
        assert_eq!(was, is);
    }
}

#[test]
fn a_deployer_widens_by_network_and_by_name_and_can_deny() {
    let ask = |egress: &Egress, host: &str| {
        let resolved = egress.resolve(host, 80, Duration::from_secs(1));
        resolved.map_err(|failure| failure.message)
    };
    let egress = scripted().allow("10.0.0.0/24".parse().unwrap());
    assert!(ask(&egress, "private.example").is_ok());
    assert!(ask(&egress, "10.0.0.7").is_ok());
    assert!(ask(&egress, "loopback.example").is_err());

    let egress = scripted().allow("::/0".parse().unwrap());
    assert!(ask(&egress, "ula.example").is_ok());
    assert!(ask(&egress, "mapped.example").is_err());
    assert!(ask(&egress, "nat64.example").is_err());

    let egress = scripted().allow_host("Loopback.example.");
    assert!(ask(&egress, "loopback.example").is_ok());
    assert!(ask(&egress, "127.0.0.1").is_err());

    let egress = scripted()
        .allow("0.0.0.0/0".parse().unwrap())
        .deny("93.184.0.0/16".parse().unwrap());
    assert_eq!(
        ask(&egress, "example.org").unwrap_err(),
        "`example.org` is out of reach: it leads to an address that the deployer denies"
    );
    assert!(ask(&egress, "nat64-public.example").is_err());
}

#[test]
fn a_failure_tells_no_address() {
    let failure = scripted()
        .resolve("private.example", 80, Duration::from_secs(1))
        .unwrap_err();
    assert!(!failure.message.contains("10.0.0.1"), "{failure}");
}

#[test]
fn the_operating_system_resolves_what_it_knows() {
    let addresses = SystemResolver::default().resolve("localhost", Duration::from_secs(5));
    assert!(addresses.unwrap().iter().all(IpAddr::is_loopback));
    let refused = Egress::public().resolve("localhost", 80, Duration::from_secs(5));
    assert_eq!(
        refused.unwrap_err().kind,
        wb_dock::cap::FailureKind::Refused
    );
}

#[test]
fn redirect_targets_are_read_as_strictly() {
    let here = Target::parse("https://example.org/a/b?c").unwrap();
    for (location, leads) in [
        ("/x", Some("https://example.org/x")),
        ("x#y", Some("https://example.org/a/x")),
        ("//good.example/x", Some("https://good.example/x")),
        ("http://0x7f.1/", Some("http://127.0.0.1/")),
        ("//[::ffff:a00:1]/", Some("https://10.0.0.1/")),
        ("/\\good.example", None),
        ("\\\\good.example", None),
        ("///good.example", None),
        ("https:good.example", None),
        ("https:///good.example", None),
        ("//user@good.example", None),
        ("javascript:alert(1)", None),
        ("file:///etc/passwd", None),
        ("/a\r\nSet-Cookie: b", None),
    ] {
        let joined = here.join(location).ok();
        let url = joined.as_ref().map(|target| target.url().as_str());
        assert_eq!(url, leads, "{location}");
    }
}

/// The spellings of one IPv4 address that some program somewhere reads as that address.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let bits = address.to_bits();
    let mapped = address.to_ipv6_mapped();
    vec![
        address.to_string(),
        format!("{address}."),
        bits.to_string(),
        format!("{bits:#x}"),
        format!("{bits:#o}").replace('o', ""),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a}.{}", bits & 0xff_ffff),
        format!("{a}.{b}.{}", bits & 0xffff),
        format!("%3{}{}", a / 100, &address.to_string()[1..]),
        address.to_string().replace('.', "\u{3002}"),
        format!("[{mapped}]"),
        format!("[0:0:0:0:0:ffff:{:x}:{:x}]", bits >> 16, bits & 0xffff),
        format!("[::{:x}:{:x}]", bits >> 16, bits & 0xffff),
        format!("[64:ff9b::{address}]"),
        format!("[2002:{:x}:{:x}::1]", bits >> 16, bits & 0xffff),
        format!("[2001:0:{:x}:{:x}::1]", bits >> 16, bits & 0xffff),
    ]
}

fn forbidden() -> impl Strategy<Value = Ipv4Addr> {
    (prop::sample::select(&FORBIDDEN[..]), any::<u32>())
        .prop_map(|((first, bits), rest)| Ipv4Addr::from_bits(first | (rest & (u32::MAX >> bits))))
}

/// First address and fixed bits.
const FORBIDDEN: [(u32, u32); 9] = [
    (0x0a00_0000, 8),
    (0x7f00_0000, 8),
    (0xa9fe_0000, 16),
    (0xac10_0000, 12),
    (0xc0a8_0000, 16),
    (0x6440_0000, 10),
    (0xe000_0000, 4),
    (0xf000_0000, 4),
    (0x0000_0000, 8),
];

proptest! {
    #[test]
    fn no_spelling_of_a_forbidden_address_is_reached(address in forbidden(), port in 1_u16..) {
        for host in spellings(address) {
            let url = format!("http://{host}:{port}/");
            let verdict = verdict(&scripted(), &url);
            prop_assert!(!verdict.starts_with("http"), "{url}: {verdict}");
        }
    }

    #[test]
    fn whatever_is_reached_is_public(url in "https?:/{0,3}[\\\\@]?[0-9a-fx.%:\\[\\]]{1,24}(/|:80)?") {
        let egress = Egress::public().resolver(Scripted::new(&[]));
        if let Ok(target) = Target::parse(&url)
            && let Ok(addresses) = egress.resolve(target.origin().host(), 80, Duration::ZERO)
        {
            for address in addresses {
                let IpAddr::V4(v4) = address.ip() else { continue };
                prop_assert!(!v4.is_private() && !v4.is_loopback() && !v4.is_link_local());
            }
        }
    }

    #[test]
    fn a_target_is_what_its_text_says_again(url in "(https?://)?[a-z0-9.:@/\\\\?#%\u{e4}\u{ff0e}\\[\\] -]{0,40}") {
        if let Ok(target) = Target::parse(&url) {
            let again = Target::parse(target.url().as_str());
            prop_assert_eq!(again.as_ref(), Ok(&target));
            let sent = target.url().host_str().unwrap_or_default();
            prop_assert_eq!(sent.trim_matches(['[', ']']), target.origin().host());
        }
    }

    #[test]
    fn six_is_judged_by_what_is_inside(bits in any::<u128>()) {
        let address = Ipv6Addr::from_bits(bits);
        let egress = Egress::public();
        let global = bits >> 125 == 1;
        if !global && address.to_ipv4_mapped().is_none() && bits >> 32 != 0x64_ff9b << 64 {
            prop_assert!(!egress.permits("any", address.into()));
        }
    }
}
