//! Work done in parallel, received in order, with a bound on what is held in between.
//!
//! What must stay true: results are received in the items' order whatever the number of threads; the weights of what
//! is being worked on or waits to be received add up to no more than the budget, unless one item alone has more.
//! Items start in order, but for the heaviest one: it starts first, since at the end it would keep one thread busy and the
//! others waiting. It takes half of the budget at most, so that the next of the others always finds room: no deadlock.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

struct State<R> {
    next: usize,
    weight: u64,
    done: BTreeMap<usize, R>,
    stopped: bool,
}

/// Works on every item with `threads` threads and hands the results over in order. The first error ends it.
pub(crate) fn ordered<T: Sync, R: Send, E: Send>(
    items: &[T],
    threads: usize,
    budget: u64,
    weight: impl Fn(&T) -> u64 + Sync,
    work: impl Fn(&T) -> Result<R, E> + Sync,
    mut receive: impl FnMut(&T, R) -> Result<(), E>,
) -> Result<(), E> {
    let state = Mutex::new(State { next: 0, weight: 0, done: BTreeMap::new(), stopped: false });
    let changed = Condvar::new();
    let heaviest = items.iter().enumerate().max_by_key(|(_, item)| weight(item));
    let first = heaviest.filter(|(_, item)| weight(item) <= budget / 2).map(|(index, _)| index);
    let at = |step: usize| match first {
        Some(first) if step == 0 => first,
        Some(first) if step <= first => step - 1,
        _ => step,
    };
    // A thread that panics holds no lock while it works, and the scope passes its panic on.
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let wait = |guard| changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
    let worker = || {
        let _stop = StopOnPanic { state: &state, changed: &changed };
        loop {
            let mut guard = lock();
            let (index, item) = loop {
                let index = at(guard.next);
                let Some(item) = items.get(index).filter(|_| !guard.stopped) else { return };
                if guard.weight == 0 || guard.weight + weight(item) <= budget {
                    break (index, item);
                }
                guard = wait(guard);
            };
            guard.next += 1;
            guard.weight += weight(item);
            drop(guard);
            let result = work(item);
            lock().done.insert(index, result);
            changed.notify_all();
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(worker);
        }
        let mut outcome = Ok(());
        for (index, item) in items.iter().enumerate() {
            let mut guard = lock();
            let result = loop {
                if let Some(result) = guard.done.remove(&index) {
                    break Some(result);
                }
                if guard.stopped {
                    break None;
                }
                guard = wait(guard);
            };
            drop(guard);
            let Some(result) = result else { break };
            outcome = result.and_then(|result| receive(item, result));
            lock().weight -= weight(item);
            changed.notify_all();
            if outcome.is_err() {
                break;
            }
        }
        lock().stopped = true;
        changed.notify_all();
        outcome
    })
}

/// Wakes the receiver when a worker panics: its result will never come.
struct StopOnPanic<'a, R> {
    state: &'a Mutex<State<R>>,
    changed: &'a Condvar,
}

impl<R> Drop for StopOnPanic<'_, R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_and_within_the_budget() {
        let items: Vec<u64> = (0..200).map(|number| number * 7 % 13 + 1).collect();
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut received = Vec::new();
        let work = |item: &u64| {
            let now = held.fetch_add(*item, Ordering::SeqCst) + item;
            most.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(Duration::from_micros(item * 20));
            Ok::<u64, ()>(*item)
        };
        ordered(
            &items,
            4,
            20,
            |item| *item,
            work,
            |_, result| {
                held.fetch_sub(result, Ordering::SeqCst);
                received.push(result);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(received, items);
        assert!(most.load(Ordering::SeqCst) <= 20);
    }

    #[test]
    fn the_heaviest_starts_first_and_is_received_in_its_place() {
        let started = Mutex::new(Vec::new());
        let mut received = Vec::new();
        let work = |item: &u64| {
            started.lock().unwrap().push(*item);
            Ok::<u64, ()>(*item)
        };
        let receive = |_: &u64, result| {
            received.push(result);
            Ok(())
        };
        ordered(&[2, 1, 9, 3], 1, 18, |item| *item, work, receive).unwrap();
        assert_eq!(received, [2, 1, 9, 3]);
        assert_eq!(started.into_inner().unwrap(), [9, 2, 1, 3]);
    }

    #[test]
    fn an_item_above_the_budget_goes_alone() {
        let mut received = Vec::new();
        let receive = |_: &u64, result| {
            received.push(result);
            Ok(())
        };
        ordered(&[1, 100, 1], 3, 10, |item| *item, |item| Ok::<u64, ()>(*item), receive).unwrap();
        assert_eq!(received, [1, 100, 1]);
    }

    #[test]
    fn the_first_error_ends_it() {
        let items: Vec<u32> = (0..1000).collect();
        let work = |item: &u32| if *item == 10 { Err("ten") } else { Ok(()) };
        assert_eq!(ordered(&items, 4, 8, |_| 1, work, |_, ()| Ok(())), Err("ten"));
        assert_eq!(
            ordered(&items, 4, 8, |_| 1, |_| Ok(()), |item, ()| if *item == 5 { Err("five") } else { Ok(()) }),
            Err("five")
        );
    }

    #[test]
    fn a_panic_is_passed_on() {
        let result = std::panic::catch_unwind(|| {
            ordered(
                &[1, 2, 3],
                2,
                8,
                |_| 1,
                |item| if *item == 2 { panic!("two") } else { Ok::<(), ()>(()) },
                |_, ()| Ok(()),
            )
        });
        assert!(result.is_err());
    }
}
