//! The kernels of the toolkit `media`, built by the C lane and run as a graph.
#![cfg(target_os = "linux")]

use std::num::NonZeroUsize;

use wb_dock::Graph;

use kernels::{kernel, picture};

pub(crate) mod kernels;

/// A chain of kernels with an arena for small pictures.
fn chain(names: &[&str]) -> Graph {
    let mut graph = Graph::builder().arena(1 << 20);
    for name in names {
        graph = graph.kernel(*name, &kernel(name));
    }
    for pair in names.windows(2) {
        graph = graph.edge(pair[0], pair[1]);
    }
    graph.build().expect("the four kernels make a graph")
}

#[test]
fn pictures_are_those_of_the_reference() {
    let blurred = chain(&["decode", "blur", "encode"]);
    let mut blurred = blurred.open().unwrap();
    assert!(blurred.run(&picture("in.ppm")).unwrap() == picture("blurred.ppm"));
    let whole = chain(&["decode", "blur", "resize", "encode"]);
    let mut instance = whole.open().unwrap();
    for _ in 0..20 {
        assert!(instance.run(&picture("in.ppm")).unwrap() == picture("out.ppm"));
    }
    let frames = vec![picture("in.ppm"); 20];
    let width = NonZeroUsize::new(2).unwrap();
    for made in whole.map(&frames, width, <[u8]>::to_vec) {
        assert!(made.unwrap() == picture("out.ppm"));
    }
}

#[test]
fn what_is_no_picture_is_the_error_of_the_kernel_that_finds_it() {
    let graph = chain(&["decode", "blur", "resize", "encode"]);
    let mut graph = graph.open().unwrap();
    let mut whole = picture("in.ppm");
    let cases: [(&[u8], i32); 4] = [
        (b"", -10),
        (b"P6\n1 1\n65535\n\0\0\0\0\0\0", -10),
        (b"P6 99999 1 255 ", -12),
        (&whole[..whole.len() - 1], -11),
    ];
    for (bytes, code) in cases {
        let error = graph.run(bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("kernel `decode` failed with {code}")
        );
    }
    whole.push(b'\n');
    assert!(graph.run(&whole).unwrap() == picture("out.ppm"));
}

#[test]
fn a_png_is_the_picture_that_the_reference_has() {
    let reads = chain(&["decode-png", "encode"]);
    let mut reads = reads.open().unwrap();
    for name in ["grey", "grey-alpha", "rgba"] {
        let made = reads.run(&picture(&format!("{name}.png"))).unwrap();
        assert!(made == picture(&format!("{name}.ppm")), "{name}");
    }
    // One whose PPM has a comment, which no kernel writes.
    let of_ppm = chain(&["decode", "encode"]);
    let same = of_ppm
        .open()
        .unwrap()
        .run(&picture("in.ppm"))
        .unwrap()
        .to_vec();
    assert!(reads.run(&picture("in.png")).unwrap() == same);
    let whole = chain(&["decode-png", "blur", "resize", "encode-png"]);
    let made = whole
        .open()
        .unwrap()
        .run(&picture("ball.png"))
        .unwrap()
        .to_vec();
    assert!(made == picture("ball-half.png"));
}

/// A PNG with one chunk changed, its checksum mended.
fn with_chunk(png: &[u8], kind: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let at = png
        .windows(4)
        .position(|four| four == kind)
        .expect("it has the chunk");
    let len = u32::from_be_bytes(png[at - 4..at].try_into().expect("four bytes")) as usize;
    let mut data = png[at + 4..at + 4 + len].to_vec();
    change(&mut data);
    let mut changed = png[..at - 4].to_vec();
    changed.extend(
        u32::try_from(data.len())
            .expect("a small chunk")
            .to_be_bytes(),
    );
    changed.extend(kind);
    changed.extend(&data);
    changed.extend(crc(kind.iter().chain(&data)).to_be_bytes());
    changed.extend(&png[at + 4 + len + 4..]);
    changed
}

/// CRC-32 bit by bit, unlike the kernel's.
fn crc<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    let bit = |sum: u32| (sum >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(sum & 1));
    !bytes.fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| bit(sum))
    })
}

#[test]
fn a_bad_png_is_told_from_one_that_is_not_read() {
    const TRUNCATED: i32 = -11;
    const TOO_LARGE: i32 = -12;
    const NOT_A_PNG: i32 = -14;
    const DAMAGED: i32 = -15;
    const NOT_READ: i32 = -16;
    let good = picture("rgba.png");
    let header = |at: usize, byte: u8| with_chunk(&good, b"IHDR", |data| data[at] = byte);
    let cases: [(&str, Vec<u8>, i32); 12] = [
        ("nothing", Vec::new(), NOT_A_PNG),
        ("another format", picture("in.ppm"), NOT_A_PNG),
        ("half of it", good[..good.len() / 2].to_vec(), TRUNCATED),
        (
            "its end is missing",
            good[..good.len() - 30].to_vec(),
            TRUNCATED,
        ),
        ("a palette", header(9, 3), NOT_READ),
        ("sixteen bits", header(8, 16), NOT_READ),
        ("interlaced", header(12, 1), NOT_READ),
        ("wide", header(1, 255), TOO_LARGE),
        ("more rows than there are", header(7, 200), TRUNCATED),
        ("fewer rows than there are", header(7, 3), DAMAGED),
        (
            "a stream that is none",
            with_chunk(&good, b"IDAT", |data| data[0] = 0),
            DAMAGED,
        ),
        (
            "a checksum that does not hold",
            good.iter()
                .enumerate()
                .map(|(at, byte)| byte ^ u8::from(at == 60))
                .collect(),
            DAMAGED,
        ),
    ];
    let reads = chain(&["decode-png", "encode"]);
    let mut reads = reads.open().unwrap();
    for (what, png, code) in cases {
        let error = reads.run(&png).expect_err(what);
        let told = format!("kernel `decode-png` failed with {code}");
        assert_eq!(error.to_string(), told, "{what}");
    }
    assert!(reads.run(&good).unwrap() == picture("rgba.ppm"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// The checksums of chunks are mended, so that what is behind them is reached.
    #[test]
    fn no_png_makes_the_decoder_trap(at: proptest::sample::Index, byte: u8, grey: bool) {
        let good = picture(if grey { "grey.png" } else { "rgba.png" });
        let bad = with_chunk(&good, b"IDAT", |data| {
            let at = at.index(data.len());
            data[at] = byte;
        });
        let mut kernel = decoder().open("decode-png").unwrap();
        if let Err(error) = kernel.call(&bad) {
            proptest::prop_assert_eq!(error.code(), "dock/kernel-failed");
        }
    }
}

fn decoder() -> &'static wb_dock::Kernel {
    static KERNEL: std::sync::OnceLock<wb_dock::Kernel> = std::sync::OnceLock::new();
    KERNEL.get_or_init(|| kernel("decode-png"))
}
