%% Plays scenarios on the real `supervisor` of Erlang/OTP, and writes down what happened.
%%   erl -noshell +S 1:1 -pa FOLDER -run player main SCENARIOS TRACES COUNT
%% SCENARIOS has one term for each (see scenario.ts), COUNT are played at a time, and TRACES gets a
%% line with @ and the number of a scenario, and behind it its trace.
%% One scheduler: what one process causes in another is seen in the order of its causes.
-module(player).
-behaviour(supervisor).
-export([main/1, init/1, start_worker/3, start_sup/3, start_dynamic/4, start_gate/2, worker/4,
         log/2, wloop/1, wslow/2, wrefuse/0, play/2]).

-define(SLOW, 15).

main([In, Out, Conc]) ->
    logger:set_primary_config(level, error),
    logger:remove_handler(default),
    ok = logger:add_handler(play, ?MODULE, #{}),
    {ok, Scenarios} = file:consult(In),
    {ok, File} = file:open(Out, [write, {encoding, utf8}]),
    pump(Scenarios, 0, list_to_integer(Conc), File),
    file:close(File),
    init:stop().

pump([], 0, _, _) -> ok;
pump([S | Rest], Running, Max, File) when Running < Max ->
    Me = self(),
    spawn(fun() -> play(Me, S) end),
    pump(Rest, Running + 1, Max, File);
pump(Rest, Running, Max, File) ->
    receive
        {played, Id, Lines} ->
            io:put_chars(File, [[$@, integer_to_list(Id), $\n] | [[L, $\n] || L <- Lines]]),
            pump(Rest, Running - 1, Max, File)
    end.

%% --- one scenario -----------------------------------------------------------------------------

play(Boss, #{id := Id, top := Plan, steps := Steps} = Scenario) ->
    process_flag(trap_exit, true),
    Rec = spawn_link(fun() -> recorder() end),
    put(rec, Rec),
    put(id, Id),
    put(patience, maps:get(patience, Scenario)),
    case maps:get(timed, Scenario, false) of true -> tick(1); false -> segment() end,
    [begin_step(F) || F <- maps:get(init, Scenario, [])],
    Path = txt(maps:get(id, Plan)),
    Started = start_sup(Rec, Path, Plan#{scenario => Id}),
    Top = case Started of {ok, P} -> P; _ -> undefined end,
    put(top, Top),
    quiet([]),
    say(["top ", case Started of {ok, _} -> "started"; ignore -> "ignore"; _ -> "failed" end]),
    tree(),
    [begin
         say(["# ", integer_to_list(N)]),
         step(S, []),
         tree()
     end || {N, S} <- lists:zip(lists:seq(1, length(Steps)), Steps)],
    say("# end"),
    [say([P2, " count ", call(Pid, count)]) || {P2, Pid} <- sups()],
    case is_pid(Top) andalso is_process_alive(Top) of true -> exit(Top, shutdown); false -> ok end,
    quiet([]),
    slow(),
    Lines = ask({lines}),
    unlink(Rec), exit(Rec, kill),
    Boss ! {played, Id, Lines}.

say(Line) -> get(rec) ! {event, Line}, ok.

sups() -> lists:sort([{P, Pid} || {Pid, P, sup} <- ask({alive})]).

tree() -> [say(["tree ", P, " ", call(Pid, which)]) || {P, Pid} <- sups()].

call(Pid, What) ->
    try supervisor_call(What, Pid) catch exit:_ -> "noproc" end.

segment() -> put(segment, erlang:monotonic_time(millisecond)).

slow() ->
    Took = erlang:monotonic_time(millisecond) - get(segment),
    case Took > get(patience) of true -> say("!slow"); false -> ok end.

tick(N) ->
    case get(segment) of undefined -> ok; _ -> slow() end,
    Until = erlang:monotonic_time(1) + N,
    wait_for(Until),
    receive after 15 -> ok end,
    segment().

wait_for(Until) ->
    case erlang:monotonic_time(1) >= Until of
        true -> ok;
        false -> receive after 3 -> wait_for(Until) end
    end.

%% Steps that are calls answer later, so that they can be queued behind a held supervisor.
step(#{do := tick, n := N}, _) -> tick(N);
step(#{do := busy, sup := Path, steps := Steps}, _) ->
    case last(Path) of
        {ok, Sup, true} ->
            Me = self(),
            Gate = spawn(fun() -> receive {Sup, waits} -> Me ! held, receive go -> Sup ! {self(), go} end end end),
            A0 = ask_later(fun() -> hold(Sup, Gate) end),
            receive held -> ok after 3000 -> say("!no hold") end,
            quiet([Sup]),
            Later = [begin L = begin_step(S), quiet([Sup]), L end || S <- Steps],
            Gate ! go,
            quiet([]),
            collect([A0 | Later]);
        _ -> say("nobody")
    end;
step(S, Busy) ->
    L = begin_step(S),
    quiet(Busy),
    collect([L]).

collect(Later) ->
    [case L of
         none -> ok;
         {N, Ref} ->
             receive {Ref, Text} -> say(["answer ", Text]) after 4000 -> say(["!no answer ", integer_to_list(N)]) end
     end || {N, L0} <- lists:zip(lists:seq(1, length(Later)), Later), L <- [case L0 of none -> none; _ -> {N, L0} end]].

ask_later(Fun) ->
    Me = self(), Ref = make_ref(),
    spawn(fun() -> Me ! {Ref, try Fun() catch exit:_ -> "noproc" end} end),
    Ref.

hold(Sup, Gate) ->
    case supervisor:count_children(Sup) of _ -> ok end,
    IsSimple = (catch supervisor:delete_child(Sup, '$none')) =:= {error, simple_one_for_one},
    R = case IsSimple of
            true -> supervisor:start_child(Sup, [{gate, Gate}]);
            false -> supervisor:start_child(Sup, #{id => '$gate', restart => temporary,
                                                   start => {?MODULE, start_gate, [Gate, x]}})
        end,
    start_text(R).

start_gate(Gate, _) ->
    Gate ! {self(), waits},
    receive {Gate, go} -> ignore end.

begin_step(#{do := faults, path := Path, list := List}) -> get(rec) ! {faults, txt(Path), List}, none;
begin_step(#{do := exit, path := Path, reason := R}) ->
    case last(Path) of
        {ok, Pid, true} ->
            case {[K || {P, _, K} <- ask({alive}), P =:= Pid], R} of
                {[sup], _} -> say("a supervisor");
                {_, kill} -> exit(Pid, kill);
                _ -> Pid ! {exit, R}
            end;
        _ -> say("nobody")
    end, none;
begin_step(#{do := killsup, path := Path}) ->
    case last(Path) of
        {ok, Pid, true} -> exit(Pid, kill);
        _ -> say("nobody")
    end, none;
begin_step(#{do := signal, path := Path, reason := R}) ->
    case last(Path) of
        {ok, Pid, true} -> spawn(fun() -> exit(Pid, reason(R)) end);
        _ -> say("nobody")
    end, none;
begin_step(#{do := link, path := Path, reason := R}) ->
    case last(Path) of
        {ok, Pid, true} -> spawn(fun() -> link(Pid), exit(reason(R)) end);
        _ -> say("nobody")
    end, none;
begin_step(#{do := monitor, path := Path}) ->
    case last(Path) of
        {ok, Pid, _} -> get(rec) ! {watch, txt(Path), Pid};
        _ -> say("nobody")
    end, none;
begin_step(#{do := stop, reason := R}) ->
    case get(top) of P when is_pid(P) -> exit(P, reason(R)); _ -> ok end, none;
begin_step(#{do := stop}) ->
    case get(top) of P when is_pid(P) -> exit(P, shutdown); _ -> ok end, none;
begin_step(#{do := check, specs := Specs} = S) ->
    Auto = maps:get(auto, S, undefined),
    Rec = get(rec),
    ask_later(fun() ->
        check_text(supervisor:check_childspecs([spec(Rec, "x", P) || P <- Specs], Auto)) end);
begin_step(#{do := change, sup := Path, plan := Plan}) ->
    Rec = get(rec), Id = get(id),
    with_sup(Path, fun(Sup) ->
        ok = sys:suspend(Sup),
        ask(Rec, {override, txt(Path), Plan#{scenario => Id}}),
        R = sys:change_code(Sup, ?MODULE, old, extra),
        ask(Rec, {override, txt(Path), none}),
        sys:resume(Sup),
        case R of ok -> "ok"; {error, E} -> ["refused ", fault(E)]; E -> ["refused ", fault(E)] end
    end);
begin_step(#{do := start, sup := Path, child := Child}) ->
    Rec = get(rec), Id = get(id),
    with_sup(Path, fun(Sup) ->
        start_text(supervisor:start_child(Sup,
            case Child of
                #{} -> spec(Rec, txt(Path), Child#{scenario => Id});
                Label -> [txt(Label)]
            end))
    end);
begin_step(#{do := Do, sup := Path, id := Id}) ->
    Key = case Id of
              #{pid := P} ->
                  case last(P) of {ok, Pid, _} -> Pid; _ -> spawn(fun() -> receive never -> ok end end) end;
              _ -> Id
          end,
    with_sup(Path, fun(Sup) -> supervisor_call({Do, Key}, Sup) end);
begin_step(#{do := Do, sup := Path}) ->
    with_sup(Path, fun(Sup) -> supervisor_call(Do, Sup) end).

with_sup(Path, Fun) ->
    case last(Path) of
        {ok, Sup, true} -> ask_later(fun() -> Fun(Sup) end);
        {ok, _, false} -> ask_later(fun() -> "noproc" end);
        _ -> say("nobody"), none
    end.

last(Path) -> ask({last, txt(Path)}).

supervisor_call({terminate, Id}, Sup) -> plain(supervisor:terminate_child(Sup, Id));
supervisor_call({delete, Id}, Sup) -> plain(supervisor:delete_child(Sup, Id));
supervisor_call({restart, Id}, Sup) -> start_text(supervisor:restart_child(Sup, Id));
supervisor_call({getspec, Id}, Sup) ->
    case supervisor:get_childspec(Sup, Id) of
        {ok, #{id := I, restart := R, shutdown := S, significant := G, type := T}} ->
            ["spec ", lists:join(" ", [txt(X) || X <- [I, R, S, G, T]])];
        {error, E} -> txt(E)
    end;
supervisor_call(which, Sup) ->
    Rows = supervisor:which_children(Sup),
    case Rows of
        [{undefined, _, _, _} | _] ->
            lists:join(" ", lists:sort([["~", row(P), ":", txt(T)] || {_, P, T, _} <- Rows]));
        _ -> lists:join(" ", [[txt(I), ":", row1(P), ":", txt(T)] || {I, P, T, _} <- Rows])
    end;
supervisor_call(count, Sup) ->
    lists:join(" ", [[txt(K), "=", integer_to_list(V)] || {K, V} <- supervisor:count_children(Sup)]).

row1(P) when is_pid(P) -> "running";
row1(restarting) -> "restarting";
row1(undefined) -> "stopped".
row(P) when is_pid(P) -> "running";
row(restarting) -> "restarting";
row(undefined) -> "stopped".

plain(ok) -> "ok";
plain({error, E}) -> txt(E).

start_text({ok, undefined}) -> "ok none";
start_text({ok, P}) when is_pid(P) -> "ok";
start_text({ok, P, word}) when is_pid(P) -> "ok word";
start_text({error, {already_started, _}}) -> "already_started";
start_text({error, {{already_started, _}, Child}}) when element(1, Child) =:= child -> "already_started";
start_text({error, {_, Child}}) when is_tuple(Child), element(1, Child) =:= child -> "start_failed";
start_text({error, E}) when E =:= already_present; E =:= running; E =:= restarting; E =:= not_found;
                            E =:= simple_one_for_one -> txt(E);
start_text({error, E}) ->
    case fault(E) of "?" ++ _ -> "start_failed"; F -> ["bad_spec ", F] end.

check_text(ok) -> "ok";
check_text({error, E}) -> ["bad_spec ", fault(E)].

fault({bad_combination, _}) -> "bad_combination";
fault({duplicate_child_name, _}) -> "duplicate_child_id";
fault({invalid_restart_type, _}) -> "invalid_restart";
fault({invalid_mfa, _}) -> "invalid_start";
fault({F, _}) when F =:= invalid_shutdown; F =:= invalid_child_type; F =:= invalid_significant;
    F =:= invalid_child_spec; F =:= invalid_intensity; F =:= invalid_period; F =:= invalid_strategy;
    F =:= invalid_auto_shutdown -> atom_to_list(F);
fault({error, E}) -> fault(E);
fault(missing_id) -> "missing_id";
fault(missing_start) -> "missing_start";
fault(E) -> "?" ++ lists:flatten(io_lib:format("~0p", [E])).

%% Waits until nothing moves: supervisors idle in their loop, workers too, and no news meanwhile.
quiet(Busy) -> quiet(Busy, -1, 0, 0).
quiet(_, _, 3, _) -> ok;
quiet(_, _, _, Tries) when Tries > 6000 -> say("!never quiet");
quiet(Busy, Before, Stable, Tries) ->
    erlang:yield(),
    {N, Alive} = ask({status}),
    Idle = lists:all(fun({Pid, _, Kind}) -> lists:member(Pid, Busy) orelse idle(Kind, Pid) end, Alive),
    case Idle andalso N =:= Before of
        true -> erlang:yield(), quiet(Busy, N, Stable + 1, Tries + 1);
        false -> receive after 1 -> ok end, quiet(Busy, N, 0, Tries + 1)
    end.

idle(Kind, Pid) ->
    case process_info(Pid, [status, message_queue_len, current_function]) of
        [{status, waiting}, {message_queue_len, 0}, {current_function, {M, F, _}}] ->
            case Kind of
                sup -> {M, F} =:= {gen_server, loop};
                worker -> {M, F} =:= {?MODULE, wloop}
            end;
        _ -> false
    end.

%% --- the recorder -----------------------------------------------------------------------------

recorder() -> rec_loop(#{events => [], n => 0, alive => #{}, last => #{}, faults => #{}, over => #{}, watch => #{}}).

ask(Q) -> ask(get(rec), Q).
ask(Rec, Q) ->
    Ref = monitor(process, Rec),
    Rec ! {ask, self(), Ref, Q},
    receive
        {Ref, A} -> demonitor(Ref, [flush]), A;
        {'DOWN', Ref, _, _, _} -> exit(no_recorder)
    end.

rec_loop(S) ->
    receive
        {event, Line} -> rec_loop(add(Line, S));
        {faults, Path, List} -> rec_loop(S#{faults := (maps:get(faults, S))#{Path => List}});
        {watch, Path, Pid} ->
            Mon = monitor(process, Pid),
            rec_loop(S#{watch := (maps:get(watch, S))#{Mon => Path}});
        {'DOWN', Mon, process, Pid, Reason} ->
            #{alive := Alive, watch := W} = S,
            case W of
                #{Mon := Path} -> rec_loop(add(["down ", Path, " ", rtxt(Reason)], S));
                _ ->
                    {Path, _} = maps:get(Pid, Alive),
                    rec_loop(add(["stop ", Path, " ", rtxt(Reason)], S#{alive := maps:remove(Pid, Alive)}))
            end;
        {ask, From, Ref, Q} ->
            {A, S1} = rec(Q, S),
            From ! {Ref, A},
            rec_loop(S1)
    end.

add(Line, #{events := E, n := N} = S) -> S#{events := [Line | E], n := N + 1}.

rec({started, Path, Pid, Kind}, #{alive := A, last := L} = S) ->
    monitor(process, Pid),
    {ok, add(["start ", Path], S#{alive := A#{Pid => {Path, Kind}}, last := L#{Path => Pid}})};
rec({fault, Path}, #{faults := F} = S) ->
    case F of
        #{Path := [First | Rest]} ->
            S1 = S#{faults := F#{Path := Rest}},
            case First of
                ok -> {ok, S1};
                info -> {info, S1};
                _ -> {First, add(["start ", Path, " ", atom_to_list(First)], S1)}
            end;
        _ -> {ok, S}
    end;
rec({taken, Path}, S) -> {ok, add(["start ", Path, " taken"], S)};
rec({alive}, #{alive := A} = S) -> {[{Pid, P, K} || {Pid, {P, K}} <- maps:to_list(A)], S};
rec({status}, #{alive := A, n := N} = S) -> {{N, [{Pid, P, K} || {Pid, {P, K}} <- maps:to_list(A)]}, S};
rec({last, Path}, #{last := L, alive := A} = S) ->
    {case L of #{Path := Pid} -> {ok, Pid, maps:is_key(Pid, A)}; _ -> none end, S};
rec({override, Path, none}, #{over := O} = S) -> {ok, S#{over := maps:remove(Path, O)}};
rec({override, Path, Plan}, #{over := O} = S) -> {ok, S#{over := O#{Path => Plan}}};
rec({plan, Path, Default}, #{over := O} = S) -> {maps:get(Path, O, Default), S};
rec({lines}, #{events := E} = S) -> {lists:reverse(E), S}.

%% --- children ---------------------------------------------------------------------------------

spec(Rec, Above, #{kind := Kind, id := Id} = Plan) ->
    Path = Above ++ "/" ++ txt(Id),
    F = case Kind of worker -> start_worker; sup -> start_sup end,
    Base = maps:with([restart, shutdown, type, significant], Plan),
    Typed = case {Kind, Base} of {sup, #{type := _}} -> Base; {sup, _} -> Base#{type => supervisor}; _ -> Base end,
    Typed#{id => Id, start => {?MODULE, F, [Rec, Path, Plan]}};
spec(_, _, Raw) -> Raw.

init({Rec, Path, Plan0}) ->
    Plan = case get(play) of
               undefined ->
                   put(play, {Rec, Path}),
                   ask(Rec, {started, Path, self(), sup}),
                   Plan0;
               _ -> ask(Rec, {plan, Path, Plan0})
           end,
    case Plan of
        #{ignore := true} -> ignore;
        #{children := Children, strategy := Strategy} ->
            Scenario = maps:get(scenario, Plan, 0),
            Flags0 = maps:with([strategy, intensity, period], Plan),
            Flags = case Plan of #{auto := Auto} -> Flags0#{auto_shutdown => Auto}; _ -> Flags0 end,
            Specs = [begin
                         S = spec(Rec, Path, C#{scenario => Scenario}),
                         case Strategy of
                             simple_one_for_one ->
                                 S#{start => {?MODULE, start_dynamic, [Rec, Path, C#{scenario => Scenario}]}};
                             _ -> S
                         end
                     end || C <- Children],
            {ok, {Flags, Specs}}
    end.

start_sup(Rec, Path, Plan) ->
    case ask(Rec, {fault, Path}) of
        ok -> supervisor:start_link(?MODULE, {Rec, Path, Plan});
        info -> {ok, P} = supervisor:start_link(?MODULE, {Rec, Path, Plan}), {ok, P, word};
        Fault -> fail(Fault)
    end.

start_dynamic(_, _, _, {gate, Gate}) -> start_gate(Gate, x);
start_dynamic(Rec, Above, #{kind := worker} = Plan, Label) -> start_worker(Rec, Above ++ "/" ++ Label, Plan);
start_dynamic(Rec, Above, #{kind := sup} = Plan, Label) -> start_sup(Rec, Above ++ "/" ++ Label, Plan).

fail(error) -> {error, failed};
fail(exception) -> error(failed);
fail(badreturn) -> what_is_this;
fail(ignore) -> ignore.

start_worker(Rec, Path, Plan) ->
    case ask(Rec, {fault, Path}) of
        F when F =:= ok; F =:= info ->
            Name = name(Plan),
            case Name =/= undefined andalso whereis(Name) of
                Pid when is_pid(Pid) ->
                    ask(Rec, {taken, Path}),
                    {error, {already_started, Pid}};
                _ ->
                    {ok, New} = proc_lib:start_link(?MODULE, worker, [self(), Rec, Path, Plan]),
                    case F of ok -> {ok, New}; info -> {ok, New, word} end
            end;
        Fault -> fail(Fault)
    end.

name(#{name := Name, scenario := Id}) ->
    list_to_atom("s" ++ integer_to_list(Id) ++ "_" ++ txt(Name));
name(_) -> undefined.

worker(Parent, Rec, Path, Plan) ->
    Trap = maps:get(trap, Plan, no),
    process_flag(trap_exit, Trap =/= no),
    case name(Plan) of undefined -> ok; Name -> register(Name, self()) end,
    ask(Rec, {started, Path, self(), worker}),
    proc_lib:init_ack(Parent, {ok, self()}),
    wloop({Parent, Rec, Path, Trap}).

wloop({Parent, Rec, Path, Trap} = S) ->
    receive
        {exit, R} -> exit(reason(R));
        {'EXIT', Parent, R} ->
            case Trap of
                yes -> exit(R);
                slow -> wslow(R, ?SLOW);
                refuse -> wrefuse();
                normal -> exit(normal);
                crash -> exit(crash)
            end;
        {'EXIT', _, R} ->
            Rec ! {event, ["told ", Path, " ", rtxt(R)]},
            wloop(S)
    end.

wslow(R, Ms) -> receive never -> ok after Ms -> exit(R) end.
wrefuse() -> receive never -> ok end.

%% --- words ------------------------------------------------------------------------------------

reason(shutdown_x) -> {shutdown, x};
reason(R) -> R.

rtxt({shutdown, {failed_to_start_child, Id, _}}) -> "failed_to_start:" ++ txt(Id);
rtxt({shutdown, _}) -> "shutdown_x";
rtxt(R) when R =:= normal; R =:= shutdown; R =:= killed; R =:= noproc; R =:= crash -> atom_to_list(R);
rtxt(reached_max_restart_intensity) -> "reached_max_restart_intensity";
rtxt(R) -> "?" ++ lists:flatten(io_lib:format("~0p", [R])).

txt(A) when is_atom(A) -> atom_to_list(A);
txt(N) when is_integer(N) -> integer_to_list(N);
txt(B) when is_binary(B) -> binary_to_list(B);
txt(L) when is_list(L) -> L;
txt(X) -> lists:flatten(io_lib:format("~0p", [X])).

log(#{msg := {report, #{label := {supervisor, What}, report := R}}}, _) when What =/= progress ->
    case get(play) of
        {Rec, Path} ->
            {_, Offender} = lists:keyfind(offender, 1, R),
            {_, Reason} = lists:keyfind(reason, 1, R),
            {_, Id} = lists:keyfind(id, 1, Offender),
            Text = case What of start_error -> "failed"; _ -> rtxt(Reason) end,
            Rec ! {event, ["report ", Path, " ", atom_to_list(What), " ", txt(Id), " ", Text]};
        _ -> ok
    end;
log(_, _) -> ok.
