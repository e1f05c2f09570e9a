use bytes::Bytes;
use wb_dock::{Account, Grant, Invocation, Outcome, Services};
use wb_policy::Tier;

use super::{Guest, Launch, Pool};
use crate::runner::{want_command, want_component, want_kernel};
use crate::wire::Work;
use crate::{Call, Container, Error, Module, Process, Runner, Vm};

/// What a value is that is text in a worker that was not taken over.
fn text(name: &str, value: Bytes) -> Result<String, Error> {
    String::from_utf8(value.into()).map_err(|_| super::protocol(name, "a value that is no text"))
}

impl<L: Launch> Runner for Pool<L> {
    fn tier(&self) -> Tier {
        L::TIER
    }

    fn admit(&self, module: &Module, grant: &Grant, services: &Services) -> Result<(), Error> {
        self.make_ready(Guest {
            module,
            grant,
            services,
        })
    }

    fn run(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        want_command(module)?;
        let guest = Guest {
            module,
            grant,
            services,
        };
        let (_, outcome) = self.perform(guest, None, invocation, Work::Command)?;
        Ok(outcome)
    }

    fn run_on(
        &self,
        account: Account,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
    ) -> Result<Outcome, Error> {
        want_command(module)?;
        let guest = Guest {
            module,
            grant,
            services,
        };
        let (_, outcome) = self.perform(guest, Some(account), invocation, Work::Command)?;
        Ok(outcome)
    }

    fn call(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        invocation: Invocation,
        call: &Call,
    ) -> Result<(String, Outcome), Error> {
        want_component(module)?;
        let guest = Guest {
            module,
            grant,
            services,
        };
        let work = Work::Call(call.clone());
        let (value, outcome) = self.perform(guest, None, invocation, work)?;
        Ok((text(&call.function, value)?, outcome))
    }

    fn process(
        &self,
        module: &Module,
        grant: &Grant,
        services: &Services,
        name: &str,
        frame: Bytes,
    ) -> Result<(Bytes, Outcome), Error> {
        want_kernel(module)?;
        let guest = Guest {
            module,
            grant,
            services,
        };
        self.perform(guest, None, Invocation::new(name), Work::Frame(frame))
    }

    fn kill_busy(&self) -> usize {
        self.kill_calls()
    }
}

/// Each tier of workers is a name for the pool that it holds.
macro_rules! runs_in_its_pool {
    ($($tier:ty),*) => {$(
        impl Runner for $tier {
            fn tier(&self) -> Tier {
                self.0.tier()
            }

            fn admit(
                &self,
                module: &Module,
                grant: &Grant,
                services: &Services,
            ) -> Result<(), Error> {
                self.0.admit(module, grant, services)
            }

            fn run(
                &self,
                module: &Module,
                grant: &Grant,
                services: &Services,
                invocation: Invocation,
            ) -> Result<Outcome, Error> {
                self.0.run(module, grant, services, invocation)
            }

            fn run_on(
                &self,
                account: Account,
                module: &Module,
                grant: &Grant,
                services: &Services,
                invocation: Invocation,
            ) -> Result<Outcome, Error> {
                self.0.run_on(account, module, grant, services, invocation)
            }

            fn call(
                &self,
                module: &Module,
                grant: &Grant,
                services: &Services,
                invocation: Invocation,
                call: &Call,
            ) -> Result<(String, Outcome), Error> {
                self.0.call(module, grant, services, invocation, call)
            }

            fn process(
                &self,
                module: &Module,
                grant: &Grant,
                services: &Services,
                name: &str,
                frame: Bytes,
            ) -> Result<(Bytes, Outcome), Error> {
                self.0.process(module, grant, services, name, frame)
            }

            fn kill_busy(&self) -> usize {
                self.0.kill_busy()
            }
        }

        impl $tier {
            /// Has first-party programs compiled here, on `engine`, once for all workers,
            /// which then start with machine code. Without it, and for a program whose grant
            /// is that of third-party code, each worker compiles for itself.
            ///
            /// A worker whose engine is of another version compiles in any case, and one
            /// that must count fuel unless `engine` does.
            #[must_use]
            pub fn compiled_on(mut self, engine: wb_dock::Engine) -> Self {
                self.0.compile_on(engine);
                self
            }
        }
    )*};
}

runs_in_its_pool!(Process, Container, Vm);
