use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Error;

/// Native stack of a worker: what a kernel may use, and room for the host.
const STACK: usize = 2 << 20;

/// Works on every frame with up to `width` workers, each with what `open` makes.
///
/// Frames are taken one by one, so a slow one holds up nothing but itself.
pub(super) fn run<F, W, T>(
    frames: &[F],
    width: NonZeroUsize,
    open: impl Fn() -> Result<W, Error> + Sync,
    work: impl Fn(&mut W, &F) -> Result<T, Error> + Sync,
    is_spent: impl Fn(&W) -> bool + Sync,
) -> Vec<Result<T, Error>>
where
    F: Sync,
    T: Send,
{
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        let mut opened: Option<W> = None;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(frame) = frames.get(index) else {
                return done;
            };
            let instance = match opened.take().filter(|instance| !is_spent(instance)) {
                Some(instance) => Ok(instance),
                None => open(),
            };
            let result = instance.and_then(|mut instance| {
                let result = work(&mut instance, frame);
                opened = Some(instance);
                result
            });
            done.push((index, result));
        }
    };
    // The calling thread works too; a thread that cannot be had is done without.
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..width.get().min(frames.len()))
            .filter_map(|_| {
                std::thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, worker)
                    .ok()
            })
            .collect();
        let mut done = worker();
        for other in others {
            done.extend(
                other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
