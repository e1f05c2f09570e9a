use std::net::{SocketAddr, UdpSocket as Server};
use std::thread;
use std::time::Instant;

use wb_dock::cap::FailureKind;

use super::*;
use crate::testing::{Guest, loopback, serve, serve_tls};

fn sockets() -> OsSockets {
    OsSockets::new(loopback(), Tls::system())
}

fn echo() -> SocketAddr {
    serve(|mut stream| {
        let mut other = stream.try_clone().unwrap();
        let _ = io::copy(&mut stream, &mut other);
    })
}

#[test]
fn bytes_go_both_ways() {
    let guest = Guest::new();
    let who = guest.who();
    let mut open = sockets().tcp(&who, "server.test", echo().port()).unwrap();
    open.send(&who, b"ping").unwrap();
    assert_eq!(open.receive(&who, 2).unwrap(), "pi");
    assert_eq!(open.receive(&who, 1 << 30).unwrap(), "ng");
    assert_eq!(
        open.receive(&who, 0).unwrap_err().kind,
        FailureKind::BadRequest
    );

    let closing = serve(|mut stream| stream.write_all(b"bye").unwrap());
    let mut open = sockets().tcp(&who, "127.0.0.1", closing.port()).unwrap();
    assert_eq!(open.receive(&who, 9).unwrap(), "bye");
    assert_eq!(open.receive(&who, 9).unwrap(), "");
}

#[test]
fn tls_takes_only_the_hosts_own_certificate() {
    let guest = Guest::new();
    let who = guest.who();
    let (address, root) = serve_tls("server.test", 2100);
    let sockets = OsSockets::new(loopback(), Tls::with_roots([root]));
    let mut open = sockets.tls(&who, "server.test", address.port()).unwrap();
    open.send(&who, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert!(open.receive(&who, 8).unwrap().starts_with(b"HTTP/1.1"));
    let failure = sockets
        .tls(&who, "other.test", address.port())
        .err()
        .unwrap();
    assert_eq!(failure.kind, FailureKind::Failed);
    assert!(failure.message.contains("not valid for name"), "{failure}");
    let plain = echo().port();
    assert!(sockets.tls(&who, "server.test", plain).is_err());
}

#[test]
fn datagrams_come_from_the_peer_alone() {
    let guest = Guest::new().within(Duration::from_millis(500), 1000);
    let who = guest.who();
    let server = Server::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 100];
        let (read, from) = server.recv_from(&mut buffer).unwrap();
        let stranger = Server::bind("127.0.0.1:0").unwrap();
        stranger.send_to(b"stranger", from).unwrap();
        server.send_to(&buffer[..read], from).unwrap();
    });
    let mut peer = sockets().udp(&who, "server.test", address.port()).unwrap();
    peer.send(&who, b"ping").unwrap();
    assert_eq!(peer.receive(&who).unwrap(), "ping");
    assert_eq!(peer.receive(&who).unwrap_err().kind, FailureKind::TimedOut);
    let large = vec![0; 65_508];
    assert_eq!(
        peer.send(&who, &large).unwrap_err().kind,
        FailureKind::Limit
    );
}

#[test]
fn the_policy_holds_for_every_kind() {
    let guest = Guest::new();
    let who = guest.who();
    let strict = OsSockets::new(Egress::public(), Tls::system());
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "::1",
        "[::ffff:10.0.0.1]",
        "169.254.169.254",
        "2130706433",
    ] {
        let kinds = [
            strict.tcp(&who, host, 80).err(),
            strict.tls(&who, host, 80).err(),
            strict.udp(&who, host, 80).err(),
        ];
        for failure in kinds {
            assert_eq!(failure.unwrap().kind, FailureKind::Refused, "{host}");
        }
    }
    for host in [
        "",
        "a b",
        "user@127.0.0.1",
        "127.0.0.1/",
        "127.0.0.1:80",
        "a\\b",
        "a#b",
    ] {
        assert!(strict.tcp(&who, host, 80).is_err(), "{host}");
    }
    let failure = strict.tcp(&who, "example.org", 0).err().unwrap();
    assert_eq!(failure.kind, FailureKind::BadRequest);
}

#[test]
fn limits_hold_while_waiting() {
    let hurried = Guest::new().within(Duration::from_millis(200), 10);
    let who = hurried.who();
    let silent = serve(|stream| {
        thread::sleep(Duration::from_secs(10));
        drop(stream);
    });
    let mut open = sockets().tcp(&who, "server.test", silent.port()).unwrap();
    assert_eq!(
        open.send(&who, &[0; 11]).unwrap_err().kind,
        FailureKind::Limit
    );
    let started = Instant::now();
    assert_eq!(
        open.receive(&who, 1).unwrap_err().kind,
        FailureKind::TimedOut
    );
    assert_eq!(
        open.send(&who, &[0; 9]).unwrap_err().kind,
        FailureKind::TimedOut
    );
    assert!(started.elapsed() < Duration::from_secs(3));
}
