//! The addresses that are not the public internet, after the special-purpose registries of
//! IANA (RFC 6890) as of 2026, and what cloud providers put elsewhere.

use std::net::{IpAddr, Ipv4Addr};

use super::Network;

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Network {
    Network::v4([a, b, c, d], bits)
}

const fn v6(a: u16, b: u16, bits: u8) -> Network {
    Network::v6([a, b, 0, 0, 0, 0, 0, 0], bits)
}

const SPECIAL_V4: [(Network, &str); 18] = [
    (v4(0, 0, 0, 0, 32), "the unspecified address"),
    (v4(0, 0, 0, 0, 8), "this network (0.0.0.0/8)"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "a shared address (CGNAT)"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(168, 63, 129, 16, 32), "a cloud's own service (Azure)"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "an address of IETF protocols"),
    (v4(192, 0, 2, 0, 24), "a documentation address"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "a benchmark address"),
    (v4(198, 51, 100, 0, 24), "a documentation address"),
    (v4(203, 0, 113, 0, 24), "a documentation address"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(255, 255, 255, 255, 32), "the broadcast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

/// What global unicast addresses begin with (RFC 4291); everything else is special.
const GLOBAL_V6: Network = v6(0x2000, 0, 3);

const SPECIAL_V6: [(Network, &str); 16] = [
    (v6(0, 0, 128), "the unspecified address"),
    (
        Network::v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
        "a loopback address",
    ),
    (v6(0, 0, 96), "an IPv4-compatible address"),
    (
        Network::v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96),
        "an IPv4-translated address",
    ),
    (
        Network::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
        "a local NAT64 address",
    ),
    (v6(0x100, 0, 64), "a discard address"),
    (v6(0x2001, 0, 32), "a Teredo address"),
    (v6(0x2001, 0, 23), "an address of IETF protocols"),
    (v6(0x2001, 0xdb8, 32), "a documentation address"),
    (v6(0x2002, 0, 16), "a 6to4 address"),
    (v6(0x3fff, 0, 20), "a documentation address"),
    (v6(0x5f00, 0, 16), "a segment routing address"),
    (v6(0xfc00, 0, 7), "a unique local address"),
    (v6(0xfe80, 0, 10), "a link-local address"),
    (v6(0xfec0, 0, 10), "a site-local address"),
    (v6(0xff00, 0, 8), "a multicast address"),
];

/// The prefix behind which a NAT64 gateway hides IPv4 addresses (RFC 6052).
const NAT64: Network = v6(0x64, 0xff9b, 96);

/// Where packets for `address` end up: the IPv4 address inside an IPv4-mapped or NAT64 one.
pub(super) fn destination(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if NAT64.contains(address) => {
            // The low 32 bits of the prefix's 96 + 32.
            IpAddr::V4(Ipv4Addr::from_bits(v6.to_bits() as u32))
        }
        other => other,
    }
}

/// The name of the special range that `address` lies in.
pub(super) fn special(address: IpAddr) -> Option<&'static str> {
    let table: &[(Network, &str)] = match address {
        IpAddr::V4(_) => &SPECIAL_V4,
        IpAddr::V6(_) => &SPECIAL_V6,
    };
    let named = table
        .iter()
        .find(|(network, _)| network.contains(address))
        .map(|(_, name)| *name);
    match address {
        IpAddr::V6(_) if !GLOBAL_V6.contains(address) => {
            Some(named.unwrap_or("an address that is not global"))
        }
        _ => named,
    }
}
