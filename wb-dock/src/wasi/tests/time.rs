//! Clocks, and waiting for them.

use super::*;

/// Polls one subscription and returns errno, type and bytes of the event.
fn poll(desk: &mut Desk, tag: u8, id: u32, timeout: u64, flags: u16) -> (u16, u8, u64) {
    const AT: u32 = 0x200;
    let mut memory = GuestMemory(&mut desk.memory);
    memory.write(AT, &[0; 48]).unwrap();
    memory.write_u64(AT, 42).unwrap();
    memory.write(AT + 8, &[tag]).unwrap();
    memory.write_u32(AT + 16, id).unwrap();
    memory.write_u64(AT + 24, timeout).unwrap();
    memory.write(AT + 40, &flags.to_le_bytes()).unwrap();
    desk.call(|w, m| w.poll_oneoff(m, AT, BUFFER, 1, OUT))
        .unwrap();
    assert_eq!((desk.u32_at(OUT), desk.u64_at(BUFFER)), (1, 42));
    let event = &desk.memory[BUFFER as usize..];
    let errno = u16::from_le_bytes([event[8], event[9]]);
    (errno, event[10], desk.u64_at(BUFFER + 16))
}

fn now(desk: &mut Desk, clock: u32) -> u64 {
    desk.call(|w, m| w.clock_time_get(m, clock, 0, OUT))
        .unwrap();
    desk.u64_at(OUT)
}

#[test]
fn polling_passes_virtual_time() {
    let mut desk = Desk::new();
    let before = now(&mut desk, 1);
    assert_eq!(poll(&mut desk, 0, 1, 5_000_000_000, 0), (0, 0, 0));
    let after = now(&mut desk, 1);
    assert!((5_000_000_000..5_001_000_000).contains(&(after - before)));
    // An instant that has passed is due at once.
    assert_eq!(poll(&mut desk, 0, 1, before, 1), (0, 0, 0));
    assert!(now(&mut desk, 1) - after < 1_000_000);
    assert_eq!(poll(&mut desk, 0, 9, 0, 0).0, Errno::Inval as u16);
    let fd = desk.open("a.txt", 0).unwrap();
    assert_eq!(poll(&mut desk, 1, fd, 0, 0), (0, 1, 5));
    assert_eq!(poll(&mut desk, 2, 1, 0, 0), (0, 2, 0));
    assert_eq!(poll(&mut desk, 1, 77, 0, 0).0, Errno::Badf as u16);
    let none = desk.call(|w, m| w.poll_oneoff(m, 0, BUFFER, 0, OUT));
    assert_eq!(none, Err(Errno::Inval));
}

#[test]
fn clocks_move_when_read() {
    let mut desk = Desk::new();
    assert!(now(&mut desk, 0) < now(&mut desk, 0));
    assert!(now(&mut desk, 1) < now(&mut desk, 1));
    assert_eq!(
        desk.call(|w, m| w.clock_time_get(m, 4, 0, OUT)),
        Err(Errno::Inval)
    );
    desk.call(|w, m| w.clock_res_get(m, 0, OUT)).unwrap();
    assert_eq!(desk.u64_at(OUT), 1000);
}
