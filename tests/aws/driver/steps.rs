//! The steps of a host, as they can be seen from outside, and a death at one of them.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use super::function::Function;

/// Kills a host.
type Death = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Counts steps. At the one that it is armed for, it kills the host.
#[derive(Default)]
pub struct Steps {
    state: Mutex<State>,
    death: Mutex<Option<Arc<Death>>>,
}

#[derive(Default)]
struct State {
    armed: Option<usize>,
    count: usize,
    died: Option<String>,
}

impl Steps {
    /// The functions that die together.
    pub fn of(&self, host: Vec<Arc<Function>>) {
        self.death(move || {
            let host = host.clone();
            async move {
                for function in host {
                    function.kill().await;
                }
            }
        });
    }

    /// How the host dies.
    pub fn death<D: Future<Output = ()> + Send + 'static>(
        &self,
        death: impl Fn() -> D + Send + Sync + 'static,
    ) {
        *self.death.lock().unwrap() = Some(Arc::new(Box::new(move || Box::pin(death()))));
    }

    /// Lets the host die at step `number` from now.
    pub fn arm(&self, number: usize) {
        *self.state.lock().unwrap() = State { armed: Some(number), ..State::default() };
    }

    /// The name of the step that the host died at, if it did. Nothing is armed any more.
    pub fn disarm(&self) -> Option<String> {
        std::mem::take(&mut *self.state.lock().unwrap()).died
    }

    /// A step. Answers whether the host has died at it.
    pub async fn at(&self, name: impl FnOnce() -> String) -> bool {
        {
            let mut state = self.state.lock().unwrap();
            let number = state.count;
            state.count += 1;
            if state.armed != Some(number) {
                return false;
            }
            state.died = Some(name());
        }
        let death = self.death.lock().unwrap().clone();
        if let Some(death) = death {
            death().await;
        }
        true
    }
}
