/* SPDX-License-Identifier: MIT */
/*
 * gdb's packets one by one, row by row of what a stub of ours should know: the right column of the table "gdb remote
 * protocol" that kdebug/parity.toml goes by. A row is a talk: its packets build on each other.
 *
 * A packet that begins with '=' is bytes as they are on the line, and so is the answer; one that begins with '!' is a reason
 * to stop (stops[]), after which "?" is asked, or a question about the stub itself. %W is the address of `words`. An answer
 * that ends in "..." goes on, one that begins with it has something before.
 */
#include "tests/host/remote_multi.h"

#include "kdebug/core/run.h"

#define CASES_MIN 200u

struct exchange {
    const char *packet, *answer;
};

#define CONDITION_RAX_11   "X7,26000022111327"
#define CONDITION_TWO      "X3,220027X3,220127"
#define REGISTERS_BLOCKED  "xxxxxxxxxxxxxxxx..."
#define NAME_OF_THE_SERVER "2f736572766572"

static const struct exchange stop_replies[] = {
    {"?", "T05thread:p1.b;core:0;"},
    {"!signal 2", "T02thread:p1.100001;core:1;"},
    {"!signal 6", "T06thread:p1.b;core:0;"},
    {"!signal 11", "T0bthread:p1.b;core:0;"},
    {"!swbreak", "T05thread:p1.b;core:0;swbreak:;"},
    {"!hwbreak", "T05thread:p1.b;core:0;hwbreak:;"},
    {"!watch", "T05thread:p1.b;core:0;watch:ffffffff80010000;"},
    {"!awatch", "T05thread:p1.b;core:0;awatch:1234;"},
    {"!user", "T05thread:p15.b;core:0;hwbreak:;"},
    {"qC", "QCp15.b"},
    {"?", "T05thread:p15.b;core:0;hwbreak:;"},
};

static const struct exchange all_registers[] = {
    {"g", "1100000000000000..."},
    {"Hgp1.c", "OK"},
    {"g", REGISTERS_BLOCKED},
    {"g", "...5555000000000000..."}, /* rbp: of the stack */
    {"Hgp1.100001", "OK"},
    {"g", "0000000000000000..."},
    {"Hgp15.c", "OK"},
    {"g", "7700000000000000..."},
    {"G8800000000000000", "OK"},
    {"g", "8800000000000000..."},
    {"Hgp1.b", "OK"},
    {"G2200000000000000", "OK"},
    {"g", "2200000000000000..."},
    {"G22000000000000", "E01"},
    {"Gzz", "E01"},
    {"Hgp1.c", "OK"},
    {"G2200000000000000", "E01"}, /* not kept by the switch */
};

static const struct exchange one_register[] = {
    {"p0", "1100000000000000"},
    {"p10", "00200080ffffffff"},
    {"p11", "02020000"},
    {"p14", "00000000"}, /* ds */
    {"p17", "00000000"}, /* gs */
    {"p18", "E01"},      /* not without the description */
    {"p", "E01"},
    {"pzz", "E01"},
    {"P0=3300000000000000", "OK"},
    {"p0", "3300000000000000"},
    {"P10=00300080ffffffff", "OK"},
    {"p10", "00300080ffffffff"},
    {"P0", "E01"},
    {"P0=33", "E01"},
    {"P99=0000000000000000", "E01"},
    {"Hgp1.c", "OK"},
    {"p0", "xxxxxxxxxxxxxxxx"},
    {"p6", "5555000000000000"},
    {"p10", "34120080ffffffff"},
    {"P10=00300080ffffffff", "E01"},
};

static const struct exchange memory[] = {
    {"m%W,8", "8877665544332211"},
    {"m%W,1", "88"},
    {"m%W,0", "E14"},
    {"m5000,8", "E14"},
    {"m", "E01"},
    {"m1000", "E01"},
    {"M%W,2:0102", "OK"},
    {"m%W,4", "01026655"},
    {"M%W,2:01", "E01"},
    {"M%W,2:010z", "E01"},
    {"M%W,ffff:01", "E01"},
    {"M5000,1:00", "E14"},
    {"Mffffffff80002000,1:cc", "E14"}, /* text of the kernel */
    {"X%W,0:", "OK"},                  /* gdb's question whether X is known */
    {"X%W,2:ab", "OK"},
    {"X%W,2:}\x03}]", "OK"},
    {"m%W,2", "237d"},
    {"X%W,2:a", "E01"},
    {"X5000,1:a", "E14"},
    {"x%W,2", "b}\x03}]"},
    {"x%W,0", "b"},
    {"x5000,2", "E14"},
    {"xzz", "E01"},
};

static const struct exchange scope[] = {
    {"qfThreadInfo", "mp1.100001,p1.b,p1.c,p15.b,p15.c"},
    {"qsThreadInfo", "l"},
    {"Tp1.b", "OK"},
    {"Tp15.b", "OK"},
    {"Tp15.100001", "E01"},
    {"Tp14.b", "E01"},
    {"qRcmd,6764622070726f636573736573206f6666", "OK"}, /* gdb processes off */
    {"qfThreadInfo", "mp1.100001,p1.b,p1.c"},
};

static const struct exchange old_resuming[] = {
    {"=$c#63", "+"},     {"=$s#73", "+"},  {"=$C09#ac", "+"},
    {"=$S05#b8", "+"},   {"c1234", "E01"}, /* gdb sets rip itself */ {"s1234", "E01"},
    {"C05;1234", "E01"}, {"Hc-1", "OK"},   {"Hcp1.b", "OK"},
    {"=$c#63", "+"},
};

static const struct exchange resuming[] = {
    {"vCont?", "vCont;c;C;s;S;t;r"},
    {"vCont", ""},
    {"vCont;", "E01"},
    {"vCont;x", "E01"},
    {"vCont;r", "E01"},
    {"vCont;r5000", "E01"},
    {"vCont;c:", "E01"},
    {"vCont;c:pz", "E01"},
    {"vCont;t", "OK"},
    {"vCont;t:p1.b", "OK"},
    {"vCont;s:p1.c", "E16"}, /* no core runs it */
    {"vCont;s:p1.c;c", "E16"},
    {"vCont;s:p15.c", "E16"},
    {"vCont;c:p1.c", "E16"},
    {"=$vCont;c#a8", "+"},
    {"=$vCont;C05#ed", "+"},
    {"=$vCont;s:p1.b;c#c1", "+"},
    {"=$vCont;s:p1.b;c:p1.-1#28", "+"},
    {"=$vCont;c:p1.-1#0f", "+"},
};

static const struct exchange other_v[] = {
    {"vMustReplyEmpty", ""},
    {"vRun;init", ""},
    {"vStopped", ""},
    {"vCtrlC", ""},
    {"vAttach;1", "T05thread:p1.b;core:0;"},
    {"vAttach;77", "E01"},
    {"vAttach;", "E01"},
    {"vKill;", "E01"},
    {"vKill;zz", "E01"},
    {"vKill;1", "OK"},
};

static const struct exchange software_breakpoints[] = {
    {"Z0,ffffffff80002000,1", "OK"},
    {"Z0,ffffffff80002000,1", "OK"}, /* asked twice is once */
    {"z0,ffffffff80002000,1", "OK"},
    {"z0,ffffffff80002000,1", "OK"},  /* gone already */
    {"Z0,ffffffff80000200,1", "E22"}, /* code of the NMI */
    {"Z0,ffffffff80002000,1;" CONDITION_RAX_11, "OK"},
    {"Z0,ffffffff80002000,1;" CONDITION_TWO, "OK"},
    {"Z0,ffffffff80002000,1;X7,26", "E01"},
    {"Z0,ffffffff80002000,1;X999,26", "E01"},
    {"Z0,ffffffff80002000,1;X0,", "E01"},
    {"Z0,ffffffff80002000,1;cmds:0,X1,27", "OK"},
    {"Z0,ffffffff80002000,1;cmds:1,X1,27X1,27", "OK"},
    {"Z0,ffffffff80002000,1;" CONDITION_RAX_11 ";cmds:0,X1,27", "OK"},
    {"Z0,ffffffff80002000,1;cmds:0,X2,27", "E01"},
    {"Z0,ffffffff80002000,1;cmds:", "E01"},
    {"Z0,", ""},
    {"Z0", ""},
    {"Z9,1,1", ""},
};

static const struct exchange hardware_breakpoints[] = {
    {"Z1,ffffffff80002000,1", "OK"},
    {"Z2,ffffffff80010000,8", "OK"},
    {"Z3,ffffffff80010008,4", "OK"}, /* what only reads there is none of: access */
    {"Z4,ffffffff80010010,1", "OK"},
    {"Z2,ffffffff80010020,8", "E22"}, /* no fifth register */
    {"z2,ffffffff80010000,8", "OK"},
    {"Z2,ffffffff80010020,8", "OK"},
    {"z1,ffffffff80002000,1", "OK"},
    {"z3,ffffffff80010008,4", "OK"},
    {"z4,ffffffff80010010,1", "OK"},
    {"Z2,ffffffff80010003,8", "E22"}, /* not aligned */
    {"Z2,ffffffff80010000,3", "E22"}, /* no such length */
    {"Z1,ffffffff80003000,1;" CONDITION_RAX_11, "OK"},
    {"Hgp15.b", "OK"},
    {"Z0,401000,1", "OK"}, /* user text: takes one, too */
    {"z0,401000,1", "OK"},
    {"Z5,ffffffff80010000,8", ""},
};

static const struct exchange selecting[] = {
    {"Hgp1.b", "OK"},
    {"Hgp1.c", "OK"},
    {"p6", "5555000000000000"},
    {"Hcp1.b", "OK"},
    {"p6", "5555000000000000"}, /* chooses nothing for p */
    {"Hgp0.0", "OK"},
    {"p0", "1100000000000000"},
    {"Hgp15.0", "OK"},
    {"p0", "7700000000000000"},
    {"Hgp15.c", "OK"},
    {"Hg0", "OK"},
    {"Hc-1", "OK"},
    {"Hgp1.63", "E01"},
    {"Hgp99.b", "E01"},
    {"Hgzz", "E01"},
    {"Hx0", "E01"},
    {"H", "E01"},
};

static const struct exchange asking_for_threads[] = {
    {"Tp1.b", "OK"},       {"Tp1.c", "OK"},
    {"Tp1.100001", "OK"},  {"Tp1.100000", "E01"},
    {"Tp1.100002", "E01"}, {"Tp1.63", "E01"},
    {"Tzz", "E01"},        {"T", "E01"},
    {"qC", "QCp1.b"},      {"!signal 2", "T02thread:p1.100001;core:1;"},
    {"qC", "QCp1.100001"},
};

static const struct exchange thread_names[] = {
    {"qThreadExtraInfo,p1.b", "7365727665722f776f726b65722c2072756e6e696e67206f6e20636f72652030"},
    {"qThreadExtraInfo,p1.c", "7365727665722f776f726b65722c207265616479"},
    {"qThreadExtraInfo,p1.100001", "6b65726e656c2f69646c65206f6620636f726520312c20..."},
    {"qThreadExtraInfo,p15.b", "7365727665722f776f726b65722c2072756e6e696e67206f6e20636f72652030"},
    {"qThreadExtraInfo,p1.63", "E01"},
    {"qThreadExtraInfo,", "E01"},
    {"qXfer:threads:read::0,1f00",
     "...<thread id=\"p1.c\" name=\"server/worker\">ready</thread>..."},
    {"qXfer:threads:read::0,1f00",
     "...<thread id=\"p15.b\" core=\"0\" name=\"server/worker\">running..."},
    {"qXfer:threads:read::0,5", "m<?xml"},
    {"qXfer:threads:read::5,3", "m ve"},
    {"qXfer:threads:read::ffff,10", "l"},
    {"qXfer:threads:read::zz,10", "E00"},
    {"qXfer:threads:read::0", "E00"},
    {"qXfer:threads:write::0,10", ""},
};

static const struct exchange features[] = {
    {"p2c", "E01"},
    {"qXfer:features:read:target.xml:0,1000", "...<reg name=\"rip\" ..."},
    {"qXfer:features:read:target.xml:0,1000", "...<reg name=\"cr0\" ..."},
    {"qXfer:features:read:target.xml:0,1000", "...<reg name=\"cr2\" ..."},
    {"qXfer:features:read:target.xml:0,1000", "...<reg name=\"cr3\" ..."},
    {"qXfer:features:read:target.xml:0,1000", "...<reg name=\"cr4\" ..."},
    {"qXfer:features:read:target.xml:0,1000", "...<reg name=\"cr8\" ..."},
    {"qXfer:features:read:target.xml:0,1000", "...<reg name=\"fs_base\" ..."},
    {"qXfer:features:read:target.xml:0,1000", "...<reg name=\"gs_base\" ..."},
    {"qXfer:features:read:target.xml:0,1000", "...<reg name=\"efer\" ..."},
    {"qXfer:features:read:other.xml:0,1000", "E00"},
    {"qXfer:features:read:target.xml:ffff,10", "l"},
    {"p2a", "0000000000000000"},     /* cr0 of the fake machine */
    {"p18", "xxxxxxxxxxxxxxxxxxxx"}, /* st0 */
    {"P2c=0000000000000000", "E01"},
    {"Hgp15.c", "OK"},
    {"p28", "3412000000000000"}, /* fs_base of the thread */
    {"p2c", "xxxxxxxxxxxxxxxx"},
};

static const struct exchange programs[] = {
    {"qXfer:exec-file:read:15:0,100", "l/server"},
    {"qXfer:exec-file:read:15:3,2", "mrv"},
    {"qXfer:exec-file:read:1:0,100", "E00"}, /* gdb has the kernel's */
    {"qXfer:exec-file:read:99:0,100", "E00"},
    {"qXfer:exec-file:read:zz:0,100", "E00"},
    {"qXfer:libraries:read::0,100", "l<library-list>..."},
    {"qXfer:libraries-svr4:read::0,100", "l<library-list-svr4 ..."},
    {"qRcmd,676462206c6962726172696573206f6e", "OK"}, /* gdb libraries on */
    {"qXfer:libraries:read::0,100", "...<library name=\"/server\">..."},
    {"qXfer:libraries-svr4:read::0,100", "...<library name=\"/server\" ..."},
    {"Hgp1.100001", "OK"},
    {"qXfer:libraries:read::0,100", "l<library-list>\n</library-list>\n"},
    {"qXfer:auxv:read::0,100", ""},
};

static const struct exchange maps[] = {
    {"qXfer:memory-map:read::0,1000", "...<memory type=\"ram\" start=\"0x0\"..."},
    {"qXfer:memory-map:read::0,1000", "...0xffffffff80000000..."},
    {"qXfer:memory-map:read::0,1000", "...</memory-map>\n"},
    {"qXfer:memory-map:read::0,5", "m<?xml"},
};

static const struct exchange supported[] = {
    {"qSupported:multiprocess+", "PacketSize=2000;..."},
    {"qSupported", "...QStartNoAckMode+;..."},
    {"qSupported", "...multiprocess+;..."},
    {"qSupported", "...swbreak+;hwbreak+;..."},
    {"qSupported", "...vContSupported+;..."},
    {"qSupported", "...ConditionalBreakpoints+;BreakpointCommands+;..."},
    {"qSupported", "...qXfer:features:read+;..."},
    {"qSupported", "...qXfer:threads:read+;..."},
    {"qSupported", "...qXfer:memory-map:read+;..."},
    {"qSupported", "...qXfer:exec-file:read+;..."},
    {"qSupported", "...qXfer:libraries:read+;..."},
    {"qSupported", "...binary-upload+..."},
    {"qC", "QCb"},                   /* this gdb has not said that it knows processes */
    {"qfThreadInfo", "m100001,b,c"}, /* though the one before wanted to see them */
    {"Z0,ffffffff80002000,1", "OK"},
    {"QStartNoAckMode", "OK"},
    {"=+$qSupported#37",
     "+$PacketSize=2000;..."}, /* it died; another one is here, and begins at the beginning */
    {"=$qC#b4", "+$QCb#..."},
    {"!has breakpoints", "no"},
};

static const struct exchange no_acknowledgements[] = {
    {"=$qC#b4", "+$QCp1.b#c5"}, {"QStartNoAckMode", "OK"},
    {"=$qC#b4", "$QCp1.b#c5"},  {"=$qC#00", ""}, /* damaged: nothing, as agreed */
    {"=+$qC#b4", "$QCp1.b#c5"},
};

static const struct exchange processes[] = {
    {"Hgp1.b", "OK"},           {"p10", "00200080ffffffff"}, /* where it stands in the kernel */
    {"Hgp15.b", "OK"},          {"p10", "0010400000000000"}, /* where it left its program */
    {"p7", "0070000000000000"}, {"P7=0080000000000000", "OK"},
    {"p7", "0080000000000000"}, {"Z1,401000,1", "OK"},
    {"Hgp1.b", "OK"},           {"z1,401000,1", "OK"}, /* not that one */
    {"qAttached:15", "1"},      {"D;15", "OK"},
    {"Tp15.b", "OK"},           {"qC", "QCp1.b"},
};

static const struct exchange monitor[] = {
    {"=$qRcmd,7072696e7420362a37#30", "+$O30783261203d2034320a#a5$OK#9a"}, /* print 6*7 */
    {"qRcmd,636f6e74696e7565", "OK"}, /* continue: refused, it says why */
    {"=$qRcmd,636f6e74696e7565#0f", "...6d6179206e6f742062652075736564..."}, /* "may not be used" */
    {"qRcmd,6e6f6e73656e7365", "OK"}, /* nonsense: said as text */
    {"qRcmd,", "OK"},
    {"qRcmd,7", "OK"},
    {"qRcmd,zz", "E01"},
};

static const struct exchange searches[] = {
    {"qSearch:memory:%W;8;\x77\x66", "1,%W+1"},
    {"qSearch:memory:%W;2;\x77\x66", "0"},
    {"qSearch:memory:5000;100;x", "0"},
    {"qSearch:memory:%W;8;", "E01"},
    {"qSearch:memory:%W", "E01"},
    {"qSearch:memory:zz;8;x", "E01"},
    {"qSearch:memory:%W;ffffffff;x", "E01"},
};

static const struct exchange sums[] = {
    {"X%W,9:123456789", "OK"},     {"qCRC:%W,9", "C376e6e7"}, {"qCRC:%W,0", "Cffffffff"},
    {"qCRC:5000,9", "E01"},        {"qCRC:%W", "E01"},        {"qCRC:zz,1", "E01"},
    {"qCRC:%W,ffffffffff", "E01"},
};

static const struct exchange offsets[] = {
    {"qOffsets", "Text=0;Data=0;Bss=0"},
    {"qAttached", "1"},
    {"qAttached:1", "1"},
    {"qSymbol::", ""},
    {"qTStatus", ""},
    {"qNonsense", ""},
    {"nonsense", ""},
    {"QNonStop:1", ""}, /* all threads stop together */
    {"QThreadEvents:1", ""},
    {"!", ""},
};

static const struct exchange leaving[] = {
    {"Z0,ffffffff80002000,1", "OK"},
    {"D;zz", "E01"},
    {"qC", "QCp1.b"},
    {"D;1", "OK"},
};

static const struct exchange killing[] = {
    {"Z0,ffffffff80002000,1", "OK"},
    {"=$k#6b", "+"}, /* no answer: the machine goes on, and gdb is gone */
    {"!is gone", "yes"},
};

static const struct exchange files[] = {
    {"vFile:setfs:0", "F0"},
    {"vFile:setfs:15", "F0"},
    {"vFile:open:" NAME_OF_THE_SERVER ",0,0", "F1"},
    {"vFile:open:2f696e6974,0,0", "F0"},
    {"vFile:open:2f6e6f,0,0", "F-1,2"},
    {"vFile:open:" NAME_OF_THE_SERVER ",1,0", "F-1,1e"},   /* to write */
    {"vFile:open:" NAME_OF_THE_SERVER ",200,0", "F-1,1e"}, /* to create */
    {"vFile:open:", "F-1,2"},
    {"vFile:open:zz,0,0", "F-1,2"},
    {"vFile:pread:1,4,1", "F4;ELF "},
    {"vFile:pread:1,1,0", "F1;\x7f"},
    {"vFile:pread:1,100,100", "F0;"},
    {"vFile:pread:9,4,1", "F-1,9"},
    {"vFile:pread:1,4", "F-1,9"},
    {"vFile:fstat:1", "F40;..."},
    {"vFile:fstat:9", "F-1,9"},
    {"vFile:close:1", "F0"},
    {"vFile:close:9", "F-1,9"},
    {"vFile:unlink:2f6e6f", ""},
    {"vFile:pwrite:1,0,x", ""},
};

/* Frames: what is not good is not executed, what has come damaged is asked for again, what went damaged is sent again. */
static const struct exchange line[] = {
    {"=$P0=4400000000000000#00", "-"},
    {"p0", "1100000000000000"}, /* as it was */
    {"=$P0=4400000000000000#zz", "-"},
    {"=$P0=44$p0#a0", "+$110**#e6"}, /* its end was lost: the next one counts */
    {"=-", "$110**#e6"},             /* again */
    {"=-", "$110**#e6"},
    {"=+", ""},
    {"=text of a log\xff\x01", ""}, /* between packets */
    {"=\x03", ""},                  /* it stands already */
    {"=$qC#b4$qC#b4", "+$QCp1.b#c5+$QCp1.b#c5"},
    {"=$#00", "+$#00"},
    {"=$qC#B4", "+$QCp1.b#c5"}, /* digits in capitals */
    {"=$qC", ""},               /* the rest comes later */
    {"=#b4", "+$QCp1.b#c5"},
};

struct row {
    const char *name;
    const struct exchange *cases;
    unsigned count;
};
#define ROW(title, table)                                                                          \
    {                                                                                              \
        title, table, sizeof(table) / sizeof((table)[0])                                           \
    }

static const struct row rows[] = {
    ROW("?", stop_replies),
    ROW("g G", all_registers),
    ROW("p P", one_register),
    ROW("m M X x", memory),
    ROW("scope", scope),
    ROW("c s C S", old_resuming),
    ROW("vCont", resuming),
    ROW("vMustReplyEmpty vKill vAttach", other_v),
    ROW("Z0 z0", software_breakpoints),
    ROW("Z1-Z4", hardware_breakpoints),
    ROW("H", selecting),
    ROW("T qC", asking_for_threads),
    ROW("qThreadExtraInfo qXfer:threads", thread_names),
    ROW("qXfer:features", features),
    ROW("qXfer:exec-file qXfer:libraries", programs),
    ROW("qXfer:memory-map", maps),
    ROW("qSupported", supported),
    ROW("QStartNoAckMode", no_acknowledgements),
    ROW("multiprocess", processes),
    ROW("qRcmd", monitor),
    ROW("qSearch", searches),
    ROW("qCRC", sums),
    ROW("qOffsets and what nobody knows", offsets),
    ROW("D", leaving),
    ROW("k", killing),
    ROW("vFile", files),
    ROW("frames", line),
};

static const struct {
    const char *name;
    struct kd_remote_stop stop;
} stops[] = {
    {"signal 2", {.cpu = 1, .signal = 2}},
    {"signal 6", {.signal = 6}},
    {"signal 11", {.signal = 11}},
    {"swbreak", {.signal = 5, .breakpoint = "swbreak"}},
    {"hwbreak", {.signal = 5, .breakpoint = "hwbreak"}},
    {"watch", {.signal = 5, .watch = "watch", .watch_address = K + 0x10000}},
    {"awatch", {.signal = 5, .watch = "awatch", .watch_address = 0x1234}},
    {"user", {.signal = 5, .is_user = true, .breakpoint = "hwbreak"}},
};

static const char *stop_for(const char *name)
{
    if (strcmp(name, "has breakpoints") == 0) {
        return kd_breakpoint(1) == NULL ? "no" : "yes";
    }
    if (strcmp(name, "is gone") == 0) {
        return kd_session_is_over() && !kd_remote_is_attached() && kd_breakpoint(1) == NULL ? "yes"
                                                                                            : "no";
    }
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        if (strcmp(stops[i].name, name) == 0) {
            kd_remote_stopped(&stops[i].stop, false);
            return ask("?");
        }
    }
    return ask("!");
}

static const char *send_raw(const char *bytes)
{
    fake_type(bytes, strlen(bytes));
    kd_session_begin(0);
    kd_remote_serve(no_more);
    return fake_output();
}

/* "%W+1" is the address behind the first byte of `words`. */
static void fill_in(char *to, size_t bytes, const char *from)
{
    const char *at = strstr(from, "%W");
    if (at == NULL) {
        snprintf(to, bytes, "%s", from);
        return;
    }
    bool is_behind = strncmp(at, "%W+1", 4) == 0;
    snprintf(to, bytes, "%.*s%llx%s", (int)(at - from), from,
             (unsigned long long)(uintptr_t)words + is_behind, at + (is_behind ? 4 : 2));
}

static bool matches(const char *answer, const char *wanted)
{
    size_t length = strlen(wanted);
    bool is_open_start = length >= 3 && strncmp(wanted, "...", 3) == 0;
    bool is_open_end = length >= 3 && strcmp(wanted + length - 3, "...") == 0;
    char middle[256];
    wanted += is_open_start ? 3 : 0;
    length = strlen(wanted) - (is_open_end ? 3 : 0);
    snprintf(middle, sizeof(middle), "%.*s", (int)length, wanted);
    const char *at = is_open_start ? strstr(answer, middle) : answer;
    return at != NULL && strncmp(at, middle, length) == 0 &&
           (is_open_end || strlen(at) == length || is_open_start);
}

static const char *run(const char *packet)
{
    switch (packet[0]) {
    case '!':
        return stop_for(packet + 1);
    case '=':
        return send_raw(packet + 1);
    default:
        return ask(packet);
    }
}

static unsigned cases_run;

static void test_row(void **state)
{
    const struct row *row = *state;
    for (unsigned i = 0; i < row->count; i++) {
        char packet[256], wanted[256];
        fill_in(packet, sizeof(packet), row->cases[i].packet);
        fill_in(wanted, sizeof(wanted), row->cases[i].answer);
        const char *answer = run(packet);
        if (!matches(answer, wanted)) {
            fail_msg("%s, case %u: '%s' gave '%s', not '%s'", row->name, i, packet, answer, wanted);
        }
        cases_run++;
    }
}

static void test_there_are_as_many_as_promised(void **state)
{
    (void)state;
    print_message("%u cases\n", cases_run);
    assert_true(cases_run >= CASES_MIN);
}

int main(void)
{
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    struct CMUnitTest tests[ROWS + 1];
    for (unsigned i = 0; i < ROWS; i++) {
        tests[i] = (struct CMUnitTest){rows[i].name, test_row, begin_multi, NULL, (void *)&rows[i]};
    }
    tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(test_there_are_as_many_as_promised);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
