//! What commands, components and kernels have in common: a guest in a store of its own.

use wasmtime::{Engine, Store, UpdateDeadline};

use crate::error::Error;
use crate::guest::Guest;
use crate::limits::Stop;

/// A store whose guest has so much memory as its budget, and so much fuel, where fuel is counted.
pub(super) fn store(
    engine: &Engine,
    guest: Guest,
    fuel: Option<u64>,
) -> Result<Store<Guest>, Error> {
    let mut store = Store::new(engine, guest);
    if let Some(fuel) = fuel {
        store
            .set_fuel(fuel)
            .map_err(|error| Error::engine(&error))?;
    }
    store.limiter(|guest| &mut guest.gauge);
    Ok(store)
}

/// Ends the guest at the first tick after its deadline.
pub(super) fn end_at_deadline(store: &mut Store<Guest>) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| {
        let in_time = store.data().wasi.meter.check_time();
        in_time.map_err(Stop::Limit)?;
        Ok(UpdateDeadline::Continue(1))
    });
}
