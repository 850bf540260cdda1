/** What one subject does with the next one. */
export type Action = "ride" | "wear" | "hold" | "play" | "eat" | "sit" | "sleep" | "fly" | "swim" | "run";

export const ACTIONS: Readonly<Record<Action, string>> = {
  ride: "riding|rides|ride|driving|drives|drive|on top of a|骑|骑马|骑着马|乗馬|승마|骑着|骑在|驾驶|开着|乗る|乗って|乗った|乗り|타고|타는|탄|운전하는",
  wear: "wearing|wears|wear|dressed in|戴|戴着|戴上|穿|穿着|穿上|かぶった|かぶせて|着た|着て|着せて|かけた|쓴|쓰고|씌워|입은|입고|입혀",
  hold: "holding|holds|hold|reading|reads|read|reading a book|看书|读书|読書|本を読む|책을 읽는|fishing|钓鱼|釣り|낚시|singing|唱歌|歌う|노래하는|carrying|carries|using|giving|带着|拿着|拿|抱着|抱|举着|撑着|持つ|持って|持った|들고|든|안고",
  play: "playing|plays|play|playing with|practicing|玩|玩着|弹|演奏|下|拉|遊ぶ|弾く|演奏する|する|치는|연주하는|노는|하는",
  eat: "eating|eats|eat|drinking|drinks|drink|sipping|tasting|吃|喝|吃着|喝着|食べる|食べて|飲む|飲んで|먹는|마시는|먹고|마시고",
  sit: "sitting|sits|sit|seated|perched|lying|watching|坐|坐着|坐在|看|看着|座る|座って|見る|見て|앉은|앉아|보는|보고",
  sleep: "sleeping|asleep|napping|sleeps|睡觉|睡着|眠る|眠って|寝て|자는|잠자는",
  fly: "flying|flies|fly|floating|floats|soaring|jumping|leaping|飞|飞翔|漂浮|跳|飛ぶ|飛んで|空を飛ぶ|浮かぶ|날아가는|날고|나는|떠있는|떠다니는",
  swim: "swimming|swims|swim|diving|surfing|游泳|潜水|冲浪|泳ぐ|泳いで|수영하는|헤엄치는",
  run: "running|runs|run|walking|walks|walk|racing|chasing|jogging|跑|奔跑|走|走着|走路|走る|走って|歩く|歩いて|달리는|뛰는|걷는",
};

/** How many of the next noun, by number: words separated by bars. */
export const COUNTS: Readonly<Record<number, string>> = {
  1: "a|an|one|single|一只|一个|一匹|一条|一头|一位|一名|一辆|一座|一棵|一朵|一张|一幅|一杯|一碗|一艘|一架|一顶|一匹の|一人の|한 마리|한마리|하나",
  2: "two|pair|pair of|couple|couple of|both|twin|double|两|两只|两个|二只|两匹|两条|两位|两名|两辆|两棵|两朵|两艘|双|一对|二匹|二匹の|二つ|二人|二羽|2匹|두|두 마리|두마리|둘",
  3: "three|trio|三只|三个|三匹|三条|三位|三名|三辆|三棵|三朵|三艘|三匹の|三つ|三人|三羽|세|세 마리|세마리|셋",
  4: "four|family|一家|一家人|家人|家族|가족|few|several|some|四只|四个|四匹|四条|四位|四朵|几只|几个|一些|四匹の|四つ|四人|四羽|네|네 마리|네마리|몇",
  5: "five|group|group of|team|五只|五个|五匹|五位|五朵|一群|五匹の|五つ|五人|五羽|다섯|다섯 마리",
  6: "six|half a dozen|六只|六个|六朵|许多|多|六匹|六つ|여섯",
  7: "seven|many|lots|lots of|a lot of|flock|flock of|herd|herd of|七只|七个|很多|たくさん|일곱|많은",
  8: "eight|dozens|八只|八个|여덟",
  9: "nine|ten|dozen|crowd|swarm|hundreds|九只|十只|无数|수많은",
};

/** The numbers that people write out before "years old": from one to twenty, then the tens to a hundred. */
export const NUMBERS: readonly string[] = [
  "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen " +
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred",
  "一 二 三 四 五 六 七 八 九 十 十一 十二 十三 十四 十五 十六 十七 十八 十九 二十 三十 四十 五十 六十 七十 八十 九十 百",
  "한 두 세 네 다섯 여섯 일곱 여덟 아홉 열 열한 열두 열세 열네 열다섯 열여섯 열일곱 열여덟 열아홉 스무 서른 마흔 쉰 예순 일흔 여든 아흔 백",
];

export const SIZES: Readonly<Record<"small" | "large", string>> = {
  small:
    "small|smaller|tiny|little|mini|miniature|distant|小|小小的|小一点|变小|迷你|小さな|小さい|小さく|작은|작게|조그만",
  large:
    "big|bigger|large|larger|huge|giant|enormous|gigantic|massive|tall|taller|close up of|大|大一点|变大|巨大|巨大的|巨型|大きな|大きい|大きく|큰|크게|거대한",
};

/** Words that ask for no thing at all: the picture is made of colour and shape. */
export const ABSTRACT_WORDS =
  "abstract|pattern|waves|wave|geometric shapes|gradient|texture|swirls|shapes|fractal|抽象|图案|波浪|渐变|纹理|抽象画|模様|波|グラデーション|추상|패턴|물결|그라데이션";

/** What a colour beside one of these is the colour of: the plain ground behind everything. */
export const BACKDROP_WORDS = "background|backdrop|wallpaper|背景|壁纸|背景色|壁紙|バック|배경";

/** Words that end what a colour or a count before them could belong to. */
export const BREAKS =
  "and|on|at|near|under|over|beside|behind|between|by|isolated on|on a|on a plain|on plain|和|与|と|와|과";

/** Which side of the picture, or of what stands there. */
export const SIDES: Readonly<Record<"left" | "right", string>> = {
  left: "left|on the left|to the left|to the left of|left side|on the left side|左|左边|左侧|左に|左側|왼쪽|왼쪽에",
  right:
    "right|on the right|to the right|to the right of|right side|on the right side|右|右边|右侧|右に|右側|오른쪽|오른쪽에",
};

/** Words that point at something that is in the picture already. */
export const DEFINITE_WORDS = "the|this|that|these|those|his|her|its|their|my|给|这只|这个|那只|那个|その|この|그";

/** Words for all that stands in the picture. */
export const ALL_WORDS = "everything|everyone|everybody|all people|所有东西|所有人|全部|すべて|全て|みんな|모두|전부";

/** Words that ask for one more of what is in the picture. */
export const MORE_WORDS =
  "another|one more|a second|second|extra|more|再|再来|另一只|另一个|多一只|もう一匹|もう一つ|もう一人|하나 더|한 마리 더";

/** Words that say what is not to be seen. */
export const NEGATIONS = "without|no|without any|not|没有|无|なし|無し|のいない|없는|없이";

/** What an instruction does with the nouns beside its verb. */
export type Verb = "add" | "give" | "remove" | "replace" | "change" | "keep" | "tint";

/** Verbs that stand before their nouns. */
export const VERBS_BEFORE: Readonly<Record<Verb, string>> = {
  add: "add|adding|insert|include|put|place|draw|加|加上|添加|增加|放|画",
  remove: `remove|removing|stop|delete|erase|take away|take out|get rid of|drop|clear away|去掉|删除|删掉|移除|去除|拿走|不要|擦掉|抹掉|${NEGATIONS}`,
  replace: "replace|replacing|swap|exchange|substitute|turn|convert|transform|替换|替換",
  give: "give|giving|hand|bring",
  change: "make|change|let|have|set|move|paint|put on|把|让|使",
  keep: "keep|keeping|leave|preserve|except|except for|保留|保持|除了",
  tint: "tint|tint it|tone|colour it|color it|colorize|染成|调成",
};

/** Verbs that stand between the noun that goes and the one that comes. */
export const VERBS_BETWEEN = "换成|变成|改成|替换成|替换为|变为|改为|换为|into|with|to|for|by";

/** Verbs that stand after their nouns. */
export const VERBS_AFTER: Readonly<Record<Verb, string>> = {
  add: "追加|追加して|加えて|足して|描いて|추가|추가해|추가해줘|넣어|넣어줘|그려|그려줘",
  remove:
    "消して|消す|削除|削除して|取り除いて|取り除く|なくして|外して|제거|제거해|제거해줘|지워|지워줘|삭제|삭제해|없애|없애줘|빼줘",
  replace: "変えて|変更|変更して|置き換えて|取り替えて|바꿔|바꿔줘|바꾸어|변경|변경해|교체|교체해",
  give: "あげて|渡して|줘|주고",
  change: "にして|して|해줘|만들어|만들어줘",
  keep: "そのまま|残して|유지|유지해",
  tint: "染めて|물들여",
};
