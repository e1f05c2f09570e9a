use super::errno::Errno;
use super::{Answer, GuestMemory, Wasi};

impl Wasi {
    pub(super) fn args_sizes_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        count: u32,
        size: u32,
    ) -> Answer {
        write_sizes(memory, &self.args, count, size)
    }

    pub(super) fn args_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        pointers: u32,
        buffer: u32,
    ) -> Answer {
        write_strings(memory, &self.args, pointers, buffer)
    }

    pub(super) fn environ_sizes_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        count: u32,
        size: u32,
    ) -> Answer {
        write_sizes(memory, &self.env, count, size)
    }

    pub(super) fn environ_get(
        &mut self,
        memory: &mut GuestMemory<'_>,
        pointers: u32,
        buffer: u32,
    ) -> Answer {
        write_strings(memory, &self.env, pointers, buffer)
    }
}

fn write_sizes(memory: &mut GuestMemory<'_>, strings: &[String], count: u32, size: u32) -> Answer {
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    memory.write_u32(count, strings.len() as u32)?;
    memory.write_u32(size, bytes as u32)?;
    Ok(())
}

/// Writes the strings back to back, each with a NUL, and a pointer to each.
fn write_strings(
    memory: &mut GuestMemory<'_>,
    strings: &[String],
    pointers: u32,
    buffer: u32,
) -> Answer {
    let (mut pointer, mut at) = (pointers, buffer);
    for string in strings {
        memory.write_u32(pointer, at)?;
        memory.write(at, string.as_bytes())?;
        at = at.checked_add(string.len() as u32).ok_or(Errno::Fault)?;
        memory.write(at, &[0])?;
        at = at.checked_add(1).ok_or(Errno::Fault)?;
        pointer = pointer.checked_add(4).ok_or(Errno::Fault)?;
    }
    Ok(())
}
