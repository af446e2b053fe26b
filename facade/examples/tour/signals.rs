//! Chapters on signals. Some need a process that may die of one: this program again, in another role.

use std::{
    env, io,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitCode, Output},
    time::Duration,
};

use anyio::{
    CompletedExt, Result, gather, move_on_after, ok, open_signal_receiver, run, shield,
    signals::{Signal, SignalReceiver},
    sleep, sleep_forever, task_group, yield_now,
};
use rustix::process::{getpid, kill_process};

use crate::Chapter;

pub(crate) const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "two receivers both get every signal",
        elsewhere: "one handler per signal: the second takes it away from the first",
        show: every_receiver,
    },
    Chapter {
        title: "Ctrl-C works again after the last receiver closed",
        elsewhere: "the handler stays for ever, and swallows what nobody waits for any more",
        show: works_again,
    },
    Chapter {
        title: "Ctrl-C cancels a program, which cleans up",
        elsewhere: "it ends at once, or each program wires a handler, a channel and a token",
        show: cleans_up,
    },
];

/// Tells this program that it is such a process.
const ROLE: &str = "ANYIO_TOUR_ROLE";

/// What to be instead of a tour, if this is such a process.
pub(crate) fn role() -> Option<ExitCode> {
    let played = match env::var(ROLE).ok()?.as_str() {
        "untouched" => untouched(),
        "opens and closes" => opens_and_closes(),
        "interrupted" => interrupted(),
        other => Err(format!("there is no role {other}").into()),
    };
    Some(match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    })
}

fn play(role: &str) -> Result<Output> {
    ok(Command::new(env::current_exe()?).env(ROLE, role).output()?)
}

fn send(signal: rustix::process::Signal) -> io::Result<()> {
    Ok(kill_process(getpid(), signal)?)
}

/// The program presses it itself.
pub(crate) fn press_ctrl_c() -> io::Result<()> {
    send(rustix::process::Signal::INT)
}

fn every_receiver() -> Result<String> {
    use rustix::process::Signal as Sent;

    async fn three(receiver: SignalReceiver) -> Result<[Signal; 3]> {
        ok([receiver.next().await?, receiver.next().await?, receiver.next().await?])
    }

    run(async {
        let open = || open_signal_receiver(&[Signal::USR1, Signal::USR2]);
        let (one, other, witness) = (open()?, open()?, open()?);
        let both = task_group(async |tg| -> Result<_> {
            let both = tg.start_soon(gather([three(one), three(other)]));
            for signal in [Sent::USR1, Sent::USR2, Sent::USR1] {
                send(signal)?;
                // The system would merge two of a kind.
                witness.next().await?;
            }
            ok(both.join().await?)
        });
        let both = both.await.completed()?;
        assert_eq!(both, [[Signal::USR1, Signal::USR2, Signal::USR1]; 2]);
        Ok(format!("both got {}, {} and {}", both[0][0], both[0][1], both[0][2]))
    })
}

fn works_again() -> Result<String> {
    // Whoever started the tour may ignore Ctrl-C: then that has to come back.
    let untouched = play("untouched")?.status;
    let Output { status, stdout, .. } = play("opens and closes")?;
    assert!(stdout.starts_with(b"lived through 2\n"), "{}", String::from_utf8_lossy(&stdout));
    assert_eq!(status, untouched);
    Ok(format!("received twice, then closed; the third one had its old effect ({status})"))
}

/// A program that knows nothing of signals.
fn untouched() -> Result<()> {
    ok(press_ctrl_c()?)
}

fn opens_and_closes() -> Result<()> {
    run(async {
        let (one, other) = (open_signal_receiver(&[Signal::INT])?, open_signal_receiver(&[Signal::INT])?);
        press_ctrl_c()?;
        assert_eq!([one.next().await?, other.next().await?], [Signal::INT; 2]);
        drop(one);
        press_ctrl_c()?;
        assert_eq!(other.next().await?, Signal::INT);
        drop(other);
        println!("lived through 2");
        press_ctrl_c()?;
        println!("lived through 3");
        Ok(())
    })
}

fn cleans_up() -> Result<String> {
    let Output { status, stdout, stderr } = play("interrupted")?;
    let (out, err) = (String::from_utf8(stdout)?, String::from_utf8(stderr)?);
    assert_eq!((out.as_str(), err.as_str()), ("the server said good-bye\nthe worker said good-bye\n", ""));
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()));
    Ok(format!("two tasks said good-bye; a shell then sees {}", 128 + Signal::INT.as_raw()))
}

#[anyio::main(cancel_on_signals = [INT, TERM])]
async fn interrupted() -> Result<()> {
    let both = task_group(async |tg| -> Result<()> {
        for (name, takes) in [("server", 5), ("worker", 10)] {
            tg.start_soon(async move {
                let result = sleep_forever().await;
                shield(move_on_after(Duration::from_secs(1), sleep(Duration::from_millis(takes)))).await?;
                println!("the {name} said good-bye");
                ok(result?)
            });
        }
        yield_now().await;
        ok(press_ctrl_c()?)
    });
    both.await.completed()
}
