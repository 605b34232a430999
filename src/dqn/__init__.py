"""A trainer of deep Q-networks on Atari games: the map of the package.

    ../main.py       parse → origin → assemble → run
    ../plot.py       draws CSV files; ../convert.py converts snapshots; ../nvis.py looks into
                     networks; ../sweep.py trains many runs; ../report.py reports their scores;
                     ../share.py shares networks; ../game_name.py is for train.sh

    agent.py         algorithm 1: explore, train, test; Tester, its half that learns nothing
    exploration.py   ε-greedy, and the schedules of ε
    learner.py       one update after another, or beside the acting
    experiment.py    the order of the phases: random → (train → test) × epochs → play
    origin.py        where a run starts from: nothing, a snapshot or a checkpoint; its ROM
    errors.py        UserError, which ends a program with one line

    assembly/        the wiring: assemble.py (every part of a run, from its settings); acting.py,
                     learning.py, saving.py and watching.py make the parts, chance.py their random
                     numbers; run.py (the parts, opened and closed), look.py (a game that is looked
                     into)
    actors/          games in play: events.py (what happens in them), state_buffer.py (the network's
                     input), actor.py (one game; random starts, restarts), group.py (the contract of
                     actors that step together), local.py (in this process), processes.py (in
                     several), starts.py (other libraries' ways to begin)
    environments/    environment.py (the contract), atari.py with emulators.py (ale-py or
                     atari-py), observing.py (screen or RAM), blending.py (two frames made one) and
                     restoring.py (which games ALE restores), roms.py (finds games), benchmark.py
                     (human and random scores), pictures.py (any picture as ALE's), settings.py;
                     gym.py (Gymnasium) with gym_registry.py (ids), gym_observing.py, gym_keys.py
                     and gym_state.py (what a checkpoint keeps)
    replay/          storage.py and storage_on_gpu.py (the screens, each kept once), stream.py (one
                     actor's steps, as a ring), samplers.py, prioritized.py with sum_tree.py,
                     returns.py (clipping and discount), transitions.py (one step or several),
                     minibatch.py, memory.py (all of them together), settings.py
    networks/        deepqnetwork.py (the contract), inspector.py (that of looking inside),
                     architecture.py, layers.py (weights as arrays), settings.py, memory_need.py,
                     exported.py (for PyTorch alone);
                     torch_engine/: network.py, q_function.py, dueling.py, affine.py, input.py,
                     layout.py; prediction.py, weight_update.py, targets.py, gradients.py,
                     optimizers.py, rounding.py; recorded.py, aside.py and late_costs.py (on a GPU);
                     inspector.py, datatype.py (which one is faster here), plain_modules.py
                     (PyTorch's own); neon_engine/: network.py, compatibility.py
    options/         parser.py and a *_flags.py for each group of flags, types.py, checks.py;
                     network_spec.py (layers as text), argument_files.py (@FILE), continuing.py (the
                     flags that a run keeps), architecture_flags.py (those of a snapshot's network)
    snapshots/       snapshot.py (the data), validation.py, file.py (reads and writes),
                     neon_format.py with unpickler.py, safetensors_format.py with
                     pytorch_layout.py (as share.sh writes weights), facts.py (what both
                     formats hold besides arrays), torch_format.py with zip_file.py (PyTorch's
                     files, only read), saver.py (which ones a run keeps), moment.py (when in a run)
    checkpoints/     checkpointer.py (what and when), folder.py (generations and lock),
                     replay_log.py (the replay memory on disk)
    results/         statistics.py (listens to the steps), episodes.py (a test's episodes),
                     csv_file.py, progress.py, forecast.py, tensorboard.py (an event file that
                     follows from the CSV files)
    report/          columns.py, rows.py, runs.py (CSV files), seeds.py (several as one), style.py,
                     curves.py (plot.sh's picture); protocol.py, results.py (of one run),
                     aggregates.py (with the bootstrap), summary.py (all numbers), tables.py,
                     pictures.py, page.py, markdown.py, scores_csv.py, files.py
    sweeps/          plan.py (games × seeds × variants), manifest.py, sweep.py (states on disk),
                     words.py (compares flags), needs.py (memory, cores, GPUs), process.py (one
                     run), glimpse.py, status.py, progress.py, launcher.py (the contract),
                     on_this_machine.py, on_slurm.py, on_ray.py, create.py
    player/          display.py (the contract), window.py, terminal.py with cells.py; player.py (a
                     person at the game), spectator.py (watches training), keyboard.py, pace.py,
                     sound.py
    visualization/   look.py (at a game), filters.py with receptive_field.py, saliency.py (occlusion
                     and gradient), moments.py, inputs.py (which numbers matter), likeness.py (the
                     sanity check), findings.py (all of that); overlay.py with strip.py (colours and
                     Q-values on a picture), film.py (recorded), pictures.py, settings.py; page/:
                     render.py, filter_cards.py, moment_figures.py, number_tables.py, wording.py
    recording/       games.py (games played), episodes.py (games of training and tests),
                     recorder.py, video_file.py, frame_folder.py, sound_file.py, screen.py (how
                     large it is shown), still.py (a picture of a video), settings.py
    sharing/         agent.py (a trained agent for other people's programs); a folder to share:
                     build.py, source.py (the snapshot), played.py (its games), scores.py,
                     training.py (what is known of it), contents.py (of its files), card.py,
                     curve.py, names.py, folder.py (on disk), checksums.py; hub.py (push and
                     pull) with address.py (hf:OWNER/NAME);
                     importing/ (others' networks as snapshots): stable_baselines3.py, cleanrl.py,
                     dqn_zoo.py with channels_last.py (JAX's layout), foreign.py (what they read),
                     games.py (which game), create.py
    machine/         the process and its machine: console.py, start_log.py, wording.py, files.py,
                     state_values.py (checks restored values), interruption.py, cores.py,
                     other_processes.py, memory_limit.py, process_limits.py, fonts.py,
                     hardware.py, provenance.py (versions, commit), upload.py
                     (arrays to a GPU), setup.py (settings of its libraries)

Where a room has a create.py, that file alone names its members. errors and machine are open to all;
tests/test_walls.py holds the other arrows: main → assembly → experiment → agent → {actors →
environments, replay, networks}. One step of training:

    observation (uint8 H×W) → StateBuffer (h×H×W) → Actors.states (N×h×H×W) → EpsilonGreedy →
    DeepQNetwork.predict → actions → Environment.act → Transition → ReplayStream.add → every
    train_frequency steps: ReplayMemory.sample → Minibatch → DeepQNetwork.train → every target_steps
    steps: target network := network. The Step goes to the listeners.

docs/tour.md walks the same way, from the paper's pseudocode.
"""
