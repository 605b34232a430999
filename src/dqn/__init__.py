"""A trainer of deep Q-networks on Atari games: the map of the package.

    ../main.py       parses the options, builds the parts from named values, runs the experiment
    ../plot.py       draws the CSV files; ../convert.py changes the format of a snapshot

    options.py       every flag, in one group for each class below; argument_files.py: @FILE
    building.py      builds the parts, each from its options
    experiment.py    the order of the phases: random → (train → test) × epochs → play, and saving
    agent.py         one ε-greedy step after another; explore, train, test
    actors.py        games in play: random starts, restarts, whole games counted
    actor_processes.py   the same in several processes, a share of the games in each
    learner.py       one update after another, or beside the acting
    environments/    environment.py is the contract; ale.py the Atari games, whose colours
                     blending.py averages; roms.py finds them
    state_buffer.py  the last screens of a game, which are the network's input
    replay_memory.py what happened, a stream for each actor; minibatches
    screens.py       its screens, each kept once, in memory or in a file
    exploration.py   the schedule of ε
    networks/        architecture.py names the layers, deepqnetwork.py is the contract;
                     torch_network.py computes it with PyTorch: network_input.py, q_function.py,
                     affine.py, optimizers.py, rounding.py; device_screens.py: screens on a GPU;
                     neon_network.py with Neon itself, which neon_compatibility.py makes importable
    statistics.py    listens to the steps: one CSV row for each phase and each game
    progress.py      listens too: a bar on a terminal, log lines elsewhere
    player/          what a person sees, hears and does: player.py shows each frame in its time
                     (pace.py) and lets them play (keyboard.py), spectator.py shows training;
                     display.py is the contract of window.py and terminal.py, which draws in
                     cells.py; sound.py; recorder.py writes videos, pictures and sound, recording.py
                     the games that are played
    snapshot.py      weights on disk in Neon's format, which unpickler.py reads without trust, or
                     in that of safetensors_file.py
    checkpointer.py  keeps the state of all of these; checkpoint.py is its folder, replay_log.py the
                     replay memory in it; state_values.py checks what the parts restore
    interruption.py  signals and the time limit
    csv_file.py, files.py, memory_limit.py, cores.py, errors.py   what a run needs of its machine

Arrows run one way: main → experiment → agent → {actors → environments, replay memory, networks}.
One step of training:

    screen (uint8 H×W) → StateBuffer (h×H×W) → Actors.states (N×h×H×W) → DeepQNetwork.predict →
    ε-greedy actions → Environment.act → reward, screen, terminal → ReplayStream.add → every
    train_frequency steps: ReplayMemory.sample → DeepQNetwork.train → every target_steps steps:
    target network := network
"""
