//! What guests pass to Dock calls.

use bytes::{Buf, Bytes};
use wb_policy::Resource;

use crate::guest::Guest;
use crate::limits::Stop;
use crate::wasi::GuestMemory;

/// Counts a Dock call and forgets the reply to the one before.
pub(crate) fn begin(guest: &mut Guest) -> Result<(), Stop> {
    guest.wasi.meter.charge(Resource::HostCalls, 1)?;
    guest.wasi.meter.check_time()?;
    guest.reply.clear();
    Ok(())
}

/// What is wrong with an argument.
pub(super) type Wrong = &'static str;

pub(super) fn bytes<'m>(
    memory: &'m GuestMemory<'_>,
    ptr: u32,
    len: u32,
) -> Result<&'m [u8], Wrong> {
    memory
        .bytes(ptr, len)
        .map_err(|_| "a pointer leads out of memory")
}

pub(super) fn text(memory: &GuestMemory<'_>, ptr: u32, len: u32) -> Result<String, Wrong> {
    std::str::from_utf8(bytes(memory, ptr, len)?)
        .map(str::to_owned)
        .map_err(|_| "a name is not UTF-8")
}

/// Strings back to back, a NUL after each.
pub(super) fn strings(block: &[u8]) -> Result<Vec<String>, Wrong> {
    let Some((last, inner)) = block.split_last() else {
        return Ok(Vec::new());
    };
    if *last != 0 {
        return Err("the last argument does not end in NUL");
    }
    inner
        .split(|byte| *byte == 0)
        .map(|arg| {
            std::str::from_utf8(arg)
                .map(str::to_owned)
                .map_err(|_| "an argument is not UTF-8")
        })
        .collect()
}

/// A count and, for each item, its length and its bytes; numbers are `u32`,
/// little-endian. The items share the block.
pub(super) fn items(mut block: Bytes) -> Result<Vec<Bytes>, Wrong> {
    const SHORT: Wrong = "the inputs are cut short";
    let count = block.try_get_u32_le().map_err(|_| SHORT)?;
    // Each item takes four bytes at least, so a false count asks for no memory.
    if block.len() as u64 / 4 < u64::from(count) {
        return Err(SHORT);
    }
    let mut items = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let len = block.try_get_u32_le().map_err(|_| SHORT)? as usize;
        if block.len() < len {
            return Err(SHORT);
        }
        items.push(block.split_to(len));
    }
    if block.has_remaining() {
        return Err("there are bytes after the last input");
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
