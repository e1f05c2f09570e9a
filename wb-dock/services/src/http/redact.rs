use std::io::{self, Read};

use memchr::memmem;
use zeroize::Zeroizing;

/// What a guest must not see in a response: the secrets that its request was sent with.
///
/// Each occurrence becomes as many `*`, so that lengths stay as the server said. A server that
/// sends a secret back in another form (base64, reversed) is not seen through.
#[derive(Clone, Default)]
pub(super) struct Redaction {
    secrets: Vec<Zeroizing<Vec<u8>>>,
}

impl Redaction {
    pub(super) fn new(mut secrets: Vec<Zeroizing<Vec<u8>>>) -> Self {
        secrets.retain(|secret| !secret.is_empty());
        Self { secrets }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Overwrites every secret in `text`.
    pub(super) fn apply(&self, text: &mut [u8]) {
        for (start, end) in self.find(text) {
            text[start..end].fill(b'*');
        }
    }

    /// Where secrets begin and end. They may overlap.
    fn find(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for secret in &self.secrets {
            let finder = memmem::Finder::new(secret.as_slice());
            let mut from = 0;
            while let Some(at) = finder.find(&text[from..]) {
                found.push((from + at, from + at + secret.len()));
                from += at + 1;
            }
        }
        found
    }

    /// Bytes at the end of `text` that may be the beginning of a secret.
    fn undecided(&self, text: &[u8]) -> usize {
        let of = |secret: &[u8]| {
            let most = text.len().min(secret.len() - 1);
            let begins = |bytes: &usize| secret.starts_with(&text[text.len() - bytes..]);
            (1..=most).rev().find(begins).unwrap_or(0)
        };
        self.secrets
            .iter()
            .map(|secret| of(secret))
            .max()
            .unwrap_or(0)
    }

    /// `inner` without the secrets.
    pub(super) fn reader<R: Read>(self, inner: R) -> Redacted<R> {
        Redacted {
            inner,
            redaction: self,
            pending: Vec::new(),
            covered: 0,
            shown: Vec::new(),
            given: 0,
        }
    }
}

/// Holds back only what may yet turn out to be a secret, so that streams keep flowing.
pub(super) struct Redacted<R> {
    inner: R,
    redaction: Redaction,
    /// What came and is not shown yet, as it came.
    pending: Vec<u8>,
    /// How much of its beginning belongs to a secret found before.
    covered: usize,
    /// What may be given away.
    shown: Vec<u8>,
    /// How much of it was.
    given: usize,
}

const CHUNK: usize = 16 << 10;

impl<R: Read> Redacted<R> {
    /// Reads until there is something to show, or the end.
    fn refill(&mut self) -> io::Result<()> {
        self.shown.clear();
        self.given = 0;
        let mut ended = false;
        while self.shown.is_empty() && !ended {
            let had = self.pending.len();
            self.pending.resize(had + CHUNK, 0);
            let read = self.inner.read(&mut self.pending[had..]);
            self.pending.truncate(had + *read.as_ref().unwrap_or(&0));
            ended = read? == 0;
            let undecided = if ended {
                0
            } else {
                self.redaction.undecided(&self.pending)
            };
            let decided = self.pending.len() - undecided;
            self.shown.extend_from_slice(&self.pending[..decided]);
            let mut found = self.redaction.find(&self.pending);
            found.push((0, self.covered));
            self.covered = 0;
            for (start, end) in found {
                let inside = start.min(decided)..end.min(decided);
                self.shown[inside].fill(b'*');
                if start < decided {
                    self.covered = self.covered.max(end.saturating_sub(decided));
                }
            }
            self.pending.drain(..decided);
        }
        Ok(())
    }
}

impl<R: Read> Read for Redacted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.redaction.is_empty() {
            return self.inner.read(buffer);
        }
        if self.given == self.shown.len() {
            self.refill()?;
        }
        let amount = buffer.len().min(self.shown.len() - self.given);
        buffer[..amount].copy_from_slice(&self.shown[self.given..self.given + amount]);
        self.given += amount;
        Ok(amount)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives at most `step` bytes at a time.
    struct Dripping<'a>(&'a [u8], usize);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(self.1);
            self.0.read(&mut buffer[..most])
        }
    }

    fn redacted(secrets: &[&str], text: &str, step: usize) -> String {
        let secrets = secrets.iter().map(|s| s.as_bytes().to_vec().into());
        let mut read = String::new();
        Redaction::new(secrets.collect())
            .reader(Dripping(text.as_bytes(), step))
            .read_to_string(&mut read)
            .unwrap();
        read
    }

    #[test]
    fn secrets_are_found_however_they_arrive() {
        for step in [1, 2, 3, 7, 100] {
            assert_eq!(
                redacted(&["hunter2", "ter2x"], "a hunter2x hunterhunter2", step),
                "a ******** hunter*******"
            );
            assert_eq!(redacted(&["aa"], "aaab a", step), "***b a");
            assert_eq!(redacted(&["abcd", "cdef"], "abcdefab", step), "******ab");
            assert_eq!(redacted(&[""], "plain", step), "plain");
        }
    }

    proptest! {
        #[test]
        fn no_secret_comes_through(
            secret in "[ab]{1,5}", text in "[abc]{0,60}", step in 1_usize..9,
        ) {
            let read = redacted(&[&secret], &text, step);
            prop_assert_eq!(read.len(), text.len());
            prop_assert!(!read.contains(&secret));
            if !text.contains(&secret) {
                prop_assert_eq!(read, text);
            }
        }
    }
}
