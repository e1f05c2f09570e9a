use std::time::{Duration, Instant};

use wb_dock::cap::FailureKind;

use super::*;
use crate::Tls;
use crate::testing::{Guest, loopback, response, serve_http};

fn reader() -> Guest {
    Guest::new().scoped(r#"{"browse":["http://*:*"],"net":[]}"#)
}

fn fetch(content_type: &'static str, body: &[u8]) -> Result<Page, Failure> {
    let body = body.to_vec();
    let port = serve_http(move |_| match content_type {
        "" => response(200, &[], &body),
        named => response(200, &[("Content-Type", named)], &body),
    })
    .port();
    let browse = HttpBrowse::new(HttpClient::new(loopback(), Tls::system()));
    browse.fetch(
        &reader().who(),
        &format!("http://server.test:{port}/dir/page"),
    )
}

/// A page read without a server, at `https://example.org/dir/page`.
fn page(source: &str) -> Page {
    let page = Page {
        url: "https://example.org/dir/page".into(),
        ..Page::default()
    };
    html::read(source, page, Deadline::after(Duration::from_mins(1))).unwrap()
}

#[test]
fn a_page_becomes_what_people_read() {
    let page = page(
        "<!doctype html><html><head><title> A &amp; B\n</title><style>p{}</style>\
         <script>if (a < b) document.write('<p>no</p>')</script></head>\
         <body><h1>Head<em>line</em></h1><p>One\n two<br>three</p><!-- no -->\
         <ul><li><a href='../up?x#y'>Up <b>there</b></a><li><a href=//other.org/z>Other</a></ul>\
         <table><tr><td>1</td><td>2</td></tr><tr><td>3<td>4</table>\
         <pre>a\n  b  \n</pre><textarea>no</textarea><svg><title>no</title><text>no</text></svg>\
         <template><p>no</p></template><noscript>without scripts</noscript>\
         <p>caf&eacute; &lt;b&gt; &#x1F980;&nbsp;!</p>",
    );
    assert_eq!(page.title, "A & B");
    assert_eq!(
        page.text,
        "Headline\nOne two\nthree\nUp there\nOther\n1 2\n3 4\na\n  b\nwithout scripts\ncaf\u{e9} <b> \u{1f980}\u{a0}!"
    );
    let links: Vec<(&str, &str)> = page.links.iter().map(|l| (&*l.text, &*l.url)).collect();
    assert_eq!(
        links,
        [
            ("Up there", "https://example.org/up?x#y"),
            ("Other", "https://other.org/z"),
        ]
    );
}

#[test]
fn links_are_absolute_and_lead_somewhere() {
    let page = page(
        "<base href='https://base.org/b/'><base href='https://late.org/'>\
         <a href=x>1</a><a href='#top'>2</a><a href='javascript:alert(1)'>3</a>\
         <a href='mailto:a@b.c'>4</a><a name=n>5</a><a href='data:text/plain,x'>6</a>\
         <a href='http://[bad'>7</a><area href=y alt='a  map'><a href=z>unclosed",
    );
    let links: Vec<(&str, &str)> = page.links.iter().map(|l| (&*l.text, &*l.url)).collect();
    assert_eq!(
        links,
        [
            ("1", "https://base.org/b/x"),
            ("4", "mailto:a@b.c"),
            ("a map", "https://base.org/b/y"),
            ("unclosed", "https://base.org/b/z"),
        ]
    );
}

#[test]
fn a_fetched_page_says_where_it_came_from() {
    let page = fetch(
        "text/html; charset=iso-8859-1",
        b"<title>\xe4</title><a href=x>y</a>",
    )
    .unwrap();
    assert_eq!((page.status, &*page.title), (200, "\u{e4}"));
    assert!(page.url.ends_with("/dir/page"));
    assert!(page.links[0].url.ends_with("/dir/x"));
}

#[test]
fn what_is_text_passes_and_what_is_not_fails() {
    for content_type in [
        "text/plain",
        "application/json",
        "application/ld+json",
        "text/csv",
        "",
    ] {
        assert_eq!(
            fetch(content_type, b"{\"a\": \"<b>\"}").unwrap().text,
            "{\"a\": \"<b>\"}"
        );
    }
    assert_eq!(fetch("", b" <p>sniffed").unwrap().text, "sniffed");
    for content_type in ["image/png", "application/octet-stream", "video/mp4", "a\tb"] {
        assert_eq!(
            fetch(content_type, b"x").unwrap_err().kind,
            FailureKind::Failed
        );
    }
    assert_eq!(fetch("", b"\x89PNG").unwrap_err().kind, FailureKind::Failed);
    let large = vec![b'x'; (4 << 20) + 1];
    assert_eq!(
        fetch("text/plain", &large).unwrap_err().kind,
        FailureKind::Limit
    );
}

#[test]
fn browse_asks_its_own_scope() {
    let browse = HttpBrowse::new(HttpClient::new(loopback(), Tls::system()));
    let only_net = Guest::new().scoped(r#"{"net":["http://*:*"],"browse":[]}"#);
    let refused = browse
        .fetch(&only_net.who(), "http://server.test:1/")
        .unwrap_err();
    assert_eq!(refused.kind, FailureKind::Refused);
}

#[test]
fn hostile_pages_end_in_time() {
    let deep = "<div><b><p>".repeat(100_000);
    let started = Instant::now();
    page(&deep);
    page(&"<svg><template>".repeat(50_000));
    page(&"<a href=x>".repeat(50_000));
    page(&"<!--".repeat(100_000));
    page(&"&amp".repeat(100_000));
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );

    let attributes: Vec<String> = (0..200_000).map(|n| format!("a{n}")).collect();
    let attributes = attributes.join(" ");
    let started = Instant::now();
    let late = html::read(
        &format!("<p {attributes}>"),
        Page::default(),
        Deadline::after(Duration::from_millis(200)),
    );
    assert_eq!(late.unwrap_err().kind, FailureKind::TimedOut);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

mod any_page {
    use proptest::prelude::*;

    use super::page;

    proptest! {
        #[test]
        fn is_read(
            source in "(<(/?(p|a href=x|pre|title|script|svg|td|base href=y)|!--|!doctype)>|&amp;|[a-z <>&\u{e4}\u{0}\n]){0,40}",
        ) {
            let page = page(&source);
            let ends_blank = page.text.ends_with(|c: char| c.is_ascii_whitespace());
            prop_assert!(!ends_blank);
            for link in &page.links {
                prop_assert!(link.url.starts_with("http"));
            }
        }
    }
}
