//! What core modules pass to the Dock.

use bytes::{Buf, Bytes};

use crate::cap::Failure;

/// The memory that the arguments of one call lie in.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'m>(&'m [u8]);

/// Where an argument lies: its first byte and its length.
pub(crate) type Place = (u32, u32);

impl<'m> Arguments<'m> {
    pub(super) const fn new(memory: &'m [u8]) -> Self {
        Self(memory)
    }

    pub(crate) fn bytes(self, (ptr, len): Place) -> Result<&'m [u8], Failure> {
        let start = ptr as usize;
        start
            .checked_add(len as usize)
            .and_then(|end| self.0.get(start..end))
            .ok_or_else(|| Failure::bad_request("a pointer leads out of memory"))
    }

    /// Text; `what` it is, for the message.
    pub(crate) fn text(self, what: &str, place: Place) -> Result<&'m str, Failure> {
        std::str::from_utf8(self.bytes(place)?)
            .map_err(|_| Failure::bad_request(format!("{what} is not UTF-8")))
    }
}

/// Strings back to back, a NUL after each.
pub(crate) fn strings(block: &[u8]) -> Result<Vec<String>, Failure> {
    let Some((last, inner)) = block.split_last() else {
        return Ok(Vec::new());
    };
    if *last != 0 {
        return Err(Failure::bad_request(
            "the last argument does not end in NUL",
        ));
    }
    inner
        .split(|byte| *byte == 0)
        .map(|arg| {
            std::str::from_utf8(arg)
                .map(str::to_owned)
                .map_err(|_| Failure::bad_request("an argument is not UTF-8"))
        })
        .collect()
}

/// A count and, for each item, its length and its bytes; numbers are `u32`,
/// little-endian. The items share the block.
pub(crate) fn items(mut block: Bytes) -> Result<Vec<Bytes>, Failure> {
    let short = || Failure::bad_request("the inputs are cut short");
    let count = block.try_get_u32_le().map_err(|_| short())?;
    // Each item takes four bytes at least, so a false count asks for no memory.
    if block.len() as u64 / 4 < u64::from(count) {
        return Err(short());
    }
    let mut items = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let len = block.try_get_u32_le().map_err(|_| short())? as usize;
        if block.len() < len {
            return Err(short());
        }
        items.push(block.split_to(len));
    }
    if block.has_remaining() {
        return Err(Failure::bad_request("there are bytes after the last input"));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_end_in_nul() {
        assert_eq!(strings(b"").unwrap(), Vec::<String>::new());
        assert_eq!(strings(b"\0").unwrap(), [""]);
        assert_eq!(strings(b"a\0\0bc\0").unwrap(), ["a", "", "bc"]);
        assert!(strings(b"a").is_err());
        assert!(strings(b"\xff\0").is_err());
    }

    #[test]
    fn items_must_fill_the_block() {
        let block = |bytes: &'static [u8]| items(Bytes::from_static(bytes));
        assert_eq!(block(b"\0\0\0\0").unwrap().len(), 0);
        assert_eq!(block(b"\x01\0\0\0\x02\0\0\0ab").unwrap(), ["ab"]);
        for bad in [
            &b""[..],
            b"\x01\0\0",
            b"\x01\0\0\0",
            b"\xff\xff\xff\xff",
            b"\x01\0\0\0\x03\0\0\0ab",
            b"\0\0\0\0x",
        ] {
            assert!(block(bad).is_err(), "{bad:?}");
        }
    }
}
