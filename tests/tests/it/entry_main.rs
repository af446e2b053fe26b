//! `#[anyio::main]`: what it takes and keeps, and how the process ends. Each test of an end has a process of its own, which does
//! with the result what Rust does with that of any `main`.

// A user sees no warning of what the attribute writes.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(clippy::items_after_statements, clippy::unit_arg, clippy::unnecessary_wraps, reason = "the tests' own")]

use std::{
    error::Error,
    fmt, io,
    process::{ExitCode, Termination, exit},
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use anyio::{
    BoxError, CancelError, Cancelled, ErrorGroup, checkpoint, gather, now, offload, ok, scope::VirtualClock,
    signals::Signal, sleep, sleep_forever,
};

use crate::child::{Ended, child, disposition, raise, say};

const HOUR: Duration = Duration::from_secs(3600);

/// Ends the process as Rust does after `main`.
fn ends_with(result: impl Termination) -> ! {
    let code = result.report();
    let number = (0..=u8::MAX).find(|&number| ExitCode::from(number) == code);
    exit(number.expect("a code is a byte").into())
}

/// The first signal comes, and cancels.
async fn interrupted() -> Result<(), Cancelled> {
    raise(Signal::INT);
    sleep_forever().await
}

impl Ended {
    /// It died of the signal: a shell sees 130.
    #[track_caller]
    fn by_ctrl_c(self) -> Self {
        self.by(Signal::INT)
    }
}

mod after_a_signal {
    use super::*;

    #[test]
    fn unit_is_a_good_end() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() {
            assert!(interrupted().await.is_err());
        }
        child!(|| ends_with(main())).ends().with_code(0).with_errors("");
    }

    #[test]
    fn ok_is_a_good_end() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> anyio::Result<()> {
            assert!(interrupted().await.is_err());
            Ok(())
        }
        child!(|| ends_with(main())).ends().with_code(0).with_errors("");
    }

    #[test]
    fn a_code_in_ok_is_the_code() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> anyio::Result<ExitCode> {
            assert!(interrupted().await.is_err());
            Ok(ExitCode::from(3))
        }
        child!(|| ends_with(main())).ends().with_code(3).with_errors("");
    }

    #[test]
    fn a_code_is_the_code() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> ExitCode {
            assert!(interrupted().await.is_err());
            ExitCode::from(4)
        }
        child!(|| ends_with(main())).ends().with_code(4).with_errors("");
    }

    #[test]
    fn cancelled_is_not_printed_and_it_dies_of_the_signal() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Cancelled> {
            interrupted().await
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("");
    }

    #[test]
    fn it_dies_of_the_signal_that_came() {
        #[anyio::main(cancel_on_signals = [INT, TERM])]
        async fn main() -> Result<(), Cancelled> {
            raise(Signal::TERM);
            sleep_forever().await
        }
        child!(|| ends_with(main())).ends().by(Signal::TERM).with_errors("");
    }

    #[test]
    fn cancelled_in_a_box_is_not_printed() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> anyio::Result<()> {
            Ok(interrupted().await?)
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("");
    }

    #[test]
    fn cancelled_in_the_box_of_most_programs_is_not_printed() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Box<dyn Error>> {
            Ok(interrupted().await?)
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("");
    }

    #[test]
    fn cancelled_in_an_io_error_is_not_printed() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> io::Result<()> {
            Ok(interrupted().await?)
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("");
    }

    #[test]
    fn cancelled_in_anyhow_below_its_context_is_not_printed() {
        use anyhow::Context;

        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> anyhow::Result<()> {
            interrupted().await.context("while serving")
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("");
    }

    #[derive(Debug, thiserror::Error, anyio::CancelError)]
    enum Failure {
        #[error("interrupted")]
        Cancelled(#[from] Cancelled),
        #[error("the disk is full")]
        Full,
    }

    #[test]
    fn cancelled_in_an_enum_with_the_derive_is_not_printed() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Failure> {
            Ok(interrupted().await?)
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("");
    }

    #[test]
    fn another_error_of_that_enum_is_printed_and_it_dies_of_the_signal() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Failure> {
            interrupted().await.map_err(|_| Failure::Full)
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("Error: Full\n");
    }

    #[test]
    fn another_error_is_printed_as_rust_does_it() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> anyhow::Result<()> {
            let _ = interrupted().await;
            Err(anyhow::anyhow!("no such host").context("cannot say goodbye"))
        }
        let error = "Error: cannot say goodbye\n\nCaused by:\n    no such host\n";
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors(error);
    }

    // G2: what failed beside the cancellation is more than that.
    #[test]
    fn several_errors_are_printed() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> io::Result<()> {
            let fails = async |word: &'static str| -> io::Result<()> {
                let _ = interrupted_once(word).await;
                Err(io::Error::other(word))
            };
            gather([fails("one"), fails("two")]).await.map(drop)
        }
        async fn interrupted_once(word: &str) -> Result<(), Cancelled> {
            if word == "one" { interrupted().await } else { sleep_forever().await }
        }
        let ended = child!(|| ends_with(main())).ends().by_ctrl_c();
        assert!(ended.errors.starts_with("Error: "), "{}", ended.errors);
        assert!(ended.errors.contains("one") && ended.errors.contains("two"), "{}", ended.errors);
    }

    #[test]
    fn a_group_of_cancellations_is_one() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Cancelled> {
            gather([Box::pin(interrupted()) as futures::future::BoxFuture<_>, Box::pin(sleep_forever())]).await?;
            Ok(())
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("");
    }

    #[test]
    fn an_error_that_is_a_string_is_printed() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), String> {
            interrupted().await.map_err(|error| error.to_string())
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("Error: \"cancelled\"\n");
    }

    #[test]
    fn an_error_that_is_no_std_error_is_printed() {
        #[derive(Debug)]
        enum Plain {
            Stopped,
        }
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Plain> {
            interrupted().await.map_err(|_| Plain::Stopped)
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("Error: Stopped\n");
    }

    #[test]
    fn a_type_of_the_program_decides_by_itself() {
        struct Own;
        impl Termination for Own {
            fn report(self) -> ExitCode {
                ExitCode::from(5)
            }
        }
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Own {
            assert!(interrupted().await.is_err());
            Own
        }
        child!(|| ends_with(main())).ends().with_code(5).with_errors("");
    }

    #[test]
    fn a_type_that_is_not_named_decides_by_itself() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> impl Termination {
            assert!(interrupted().await.is_err());
            ExitCode::from(6)
        }
        child!(|| ends_with(main())).ends().with_code(6).with_errors("");
    }

    #[test]
    fn what_was_printed_without_an_end_of_line_is_not_lost() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Cancelled> {
            print!("said: 3 of 10");
            interrupted().await
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().having_said("3 of 10");
    }

    #[test]
    fn what_the_error_holds_is_dropped() {
        #[derive(Debug, thiserror::Error)]
        #[error("interrupted")]
        struct Holding(#[from] Cancelled);
        impl CancelError for Holding {
            fn as_error(&self) -> &(dyn Error + 'static) {
                self
            }
        }
        impl Drop for Holding {
            fn drop(&mut self) {
                say("dropped");
            }
        }
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Holding> {
            Ok(interrupted().await?)
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().having_said("dropped");
    }

    #[test]
    fn what_was_ignored_before_ends_it_all_the_same() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Cancelled> {
            interrupted().await
        }
        child!(|| {
            crate::child::set(Signal::INT, libc::SIG_IGN);
            ends_with(main())
        })
        .ends()
        .by_ctrl_c();
    }

    #[test]
    fn one_that_comes_in_the_very_last_poll_counts() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), String> {
            raise(Signal::INT);
            Err("too late".into())
        }
        child!(|| ends_with(main())).ends().by_ctrl_c().with_errors("Error: \"too late\"\n");
    }

    #[test]
    fn a_panic_ends_it_as_a_panic() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Cancelled> {
            let _ = interrupted().await;
            panic!("in the clean-up")
        }
        let ended = child!(|| ends_with(main())).ends().with_code(101);
        assert_eq!(ended.errors.matches("in the clean-up").count(), 1, "{}", ended.errors);
    }
}

mod without_a_signal {
    use super::*;

    #[test]
    fn unit_and_ok_give_0() {
        #[anyio::main]
        async fn main() -> Result<(), String> {
            #[anyio::main]
            async fn main() {}
            thread::spawn(main).join().map_err(|_| "it failed".into())
        }
        child!(|| ends_with(main())).ends().with_code(0).with_errors("");
    }

    #[test]
    fn an_error_is_printed_and_gives_1() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), String> {
            Err("the disk is full".into())
        }
        child!(|| ends_with(main())).ends().with_code(1).with_errors("Error: \"the disk is full\"\n");
    }

    #[test]
    fn a_cancellation_is_an_error_like_any_other() {
        #[anyio::main(cancel_on_signals = [INT])]
        async fn main() -> Result<(), Cancelled> {
            let scope = anyio::CancelScope::new();
            scope.cancel();
            scope.enter(checkpoint()).await
        }
        let ended = child!(|| ends_with(main())).ends().with_code(1);
        assert!(ended.errors.starts_with("Error: Cancelled"), "{}", ended.errors);
    }

    #[test]
    fn it_may_never_return() {
        #[anyio::main]
        async fn main() -> ! {
            checkpoint().await.expect("nothing is cancelled");
            exit(9)
        }
        child!(|| main()).ends().with_code(9);
    }

    #[test]
    fn dispositions_are_left_alone_unless_asked_for() {
        #[anyio::main]
        async fn main() -> bool_of::Success {
            bool_of::Success(disposition(Signal::INT) == libc::SIG_DFL)
        }
        child!(|| ends_with(main())).ends().with_code(0);
    }

    mod bool_of {
        use super::*;

        /// A type with a path.
        pub(super) struct Success(pub(super) bool);

        impl Termination for Success {
            fn report(self) -> ExitCode {
                if self.0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
        }
    }
}

mod options {
    use super::*;

    #[test]
    fn worker_threads_are_as_many_as_it_says() {
        #[anyio::main(worker_threads = 2)]
        async fn main() {
            let both = Arc::new(Barrier::new(2));
            let meet = || {
                let both = both.clone();
                offload(async move { ok(both.wait().is_leader()) })
            };
            let leaders = gather([meet(), meet()]).await.expect("they meet, each on its thread");
            assert_ne!(leaders[0], leaders[1]);
        }
        main();
    }

    #[test]
    fn without_worker_threads_it_all_runs_here() {
        #[anyio::main(worker_threads = 1 - 1)]
        async fn main() {
            assert_eq!(offload(async { thread::current().id() }).await, thread::current().id());
        }
        main();
    }

    #[test]
    fn the_clock_is_the_one_it_says() {
        #[anyio::main(clock = VirtualClock::autojump(), worker_threads = 1)]
        async fn main() -> Result<(), Cancelled> {
            let begun = now();
            sleep(HOUR).await?;
            assert_eq!(now() - begun, HOUR);
            Ok(())
        }
        assert_eq!(main(), Ok(()));
    }

    mod somewhere {
        pub(super) mod deep {
            pub(crate) use anyio as reexported;
        }
    }

    #[test]
    fn the_crate_is_where_it_says() {
        #[anyio::main(crate = self::somewhere::deep::reexported, cancel_on_signals = [INT],)]
        async fn main() -> Result<(), Cancelled> {
            checkpoint().await
        }
        #[anyio::main(crate = crate::entry_main::options::somewhere::deep::reexported)]
        async fn other() {}
        assert_eq!(main(), Ok(()));
        other();
    }

    #[test]
    fn signals_are_any_expression_too() {
        const ASKED: [Signal; 1] = [Signal::INT];

        #[anyio::main(cancel_on_signals = ASKED)]
        async fn main() -> Result<(), Cancelled> {
            interrupted().await
        }
        #[anyio::main(cancel_on_signals = [Signal::HUP, Signal::USR1, TERM])]
        async fn others() {
            for signal in [Signal::HUP, Signal::USR1, Signal::TERM] {
                assert_ne!(disposition(signal), libc::SIG_DFL);
            }
        }
        child!(|| {
            others();
            ends_with(main())
        })
        .ends()
        .by_ctrl_c();
    }
}

mod kept {
    use super::*;

    mod program {
        #![deny(missing_docs, unreachable_pub)]

        /// What it does.
        #[deprecated = "it is kept"]
        #[anyio::main]
        #[must_use]
        pub(in crate::entry_main) async fn main() -> Result<super::ExitCode, String> {
            Ok(super::ExitCode::from(2))
        }

        #[anyio::main]
        pub(super) async fn visible() {}
    }

    #[test]
    fn attributes_and_visibility_are_those_of_the_function() {
        #[expect(deprecated, reason = "the attribute stands above ours")]
        let result = program::main();
        assert!(result.is_ok());
        #[expect(deprecated, unused_must_use, reason = "the attribute stands below ours")]
        program::main();
        program::visible();
    }

    #[test]
    fn lints_may_be_allowed_and_expected_around_the_body() {
        #[anyio::main]
        #[expect(unused_variables, reason = "it is in the body")]
        async fn main() {
            let unused = 1;
        }
        main();
    }

    #[test]
    fn a_cfg_takes_it_away() {
        #[anyio::main]
        #[cfg(any())]
        async fn main() -> Nothing {
            compile_error!("it is not there")
        }
        #[anyio::main]
        #[cfg(not(any()))]
        async fn main() {}
        main();
    }

    #[test]
    fn return_and_question_marks_end_the_body() {
        #[anyio::main]
        async fn main() -> Result<(), BoxError> {
            if checkpoint().await.is_ok() {
                let number: i32 = "no number".parse()?;
                return Err(number.to_string().into());
            }
            Ok(())
        }
        assert!(main().unwrap_err().is::<std::num::ParseIntError>());
    }

    #[test]
    fn items_in_the_body_are_its_own() {
        #[anyio::main]
        async fn main() -> Result<(), Cancelled> {
            use std::fmt::Write as _;

            fn shown(what: impl fmt::Display) -> impl fmt::Display {
                let mut text = String::new();
                write!(text, "{what}").expect("there is room");
                text
            }
            struct Main;
            impl Main {
                async fn main() -> Result<(), Cancelled> {
                    checkpoint().await
                }
            }
            assert_eq!(shown(1).to_string(), "1");
            Main::main().await
        }
        assert_eq!(main(), Ok(()));
    }

    #[test]
    fn borrows_of_the_bodys_locals_live_across_awaits() {
        #[anyio::main]
        async fn main() -> Result<(), ErrorOf<'static>> {
            let words = [String::from("a"), String::from("b")];
            let lengths = gather(words.iter().map(async |word| ok(word.len()))).await;
            assert_eq!(lengths.map_err(|_| ErrorOf("no lengths"))?, [1, 1]);
            Ok(())
        }
        #[derive(Debug)]
        struct ErrorOf<'a>(&'a str);
        assert!(main().map_err(|error| error.0).is_ok());
    }

    #[test]
    fn its_name_is_any_and_it_may_be_called_more_than_once() {
        #[anyio::main]
        async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
            checkpoint().await?;
            Ok(())
        }
        assert!(serve().is_ok());
        assert!(serve().is_ok());
    }

    /// A group's error type says that it is cancelled, although `ErrorGroup` itself is no error of a `main`.
    #[test]
    fn a_failure_of_a_group_comes_out_as_it_is() {
        #[derive(Debug, thiserror::Error, CancelError)]
        enum Failure {
            #[error("interrupted")]
            Cancelled(#[from] Cancelled),
            #[error("several")]
            Several(#[from] ErrorGroup<Failure>),
            #[error("{0}")]
            One(u8),
        }
        #[anyio::main]
        async fn main() -> Result<(), Failure> {
            gather([async { Err::<(), _>(Failure::One(1)) }]).await?;
            Ok(())
        }
        assert!(matches!(main(), Err(Failure::One(1))));
    }
}
