// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// What the book needs of a token.
interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

/// @title A book of limit orders at 255 prices: in Solidity what `src/lib.rs` beside it is in WebAssembly, and says there.
contract OrderBook {
    /// The orders at a price, in the order in which they came.
    struct Level {
        uint64 first;
        uint64 end;
        uint64 waiting;
    }

    struct Order {
        uint96 amount;
        address owner;
    }

    /// The sides of the book: who sells the base token, and who buys it.
    uint256 private constant SELL = 0;
    uint256 private constant BUY = 1;
    /// The most orders that one order meets: filled, or found cancelled.
    uint256 private constant MOST_STEPS = 8;

    /// The base token and the quote token.
    address[2] public token;
    /// What somebody has in the book and no order locks, of either.
    mapping(address => uint256)[2] private free;
    /// One bit for each price with orders, on either side.
    uint256[2] private prices;
    mapping(uint256 => Level) private levels;
    mapping(uint256 => Order) private orders;

    event Placed(uint256 indexed number, address indexed owner, uint256 amount);
    event Filled(uint256 indexed number, address indexed taker, uint256 amount);
    event Cancelled(uint256 indexed number, uint256 amount);

    constructor(address base, address quote) {
        require(base != quote, "a book is of two tokens");
        token[0] = base;
        token[1] = quote;
    }

    function freeOf(uint256 index, address holder) external view returns (uint256) {
        return free[index][holder];
    }

    function level(bool sell, uint256 price)
        external
        view
        returns (uint256 first, uint256 end, uint256 waiting)
    {
        require(price != 0 && price <= 255, "a price is 1 to 255");
        Level storage queue = levels[levelKey(sell ? SELL : BUY, price)];
        return (queue.first, queue.end, queue.waiting);
    }

    function order(uint256 number) external view returns (address owner, uint256 amount) {
        Order storage known = orders[number];
        return (known.owner, known.amount);
    }

    function best(bool sell) external view returns (uint256 price) {
        return bestOf(sell ? SELL : BUY);
    }

    function deposit(uint256 base, uint256 quote) external {
        take(0, base);
        take(1, quote);
    }

    function withdraw(uint256 base, uint256 quote) external {
        give(0, base);
        give(1, quote);
    }

    /// Fills what it can at the prices of those who wait, and lets the rest wait. The rest's number; 0 without one.
    function place(bool sell, uint256 price, uint256 amount) external returns (uint256 number) {
        require(price != 0 && price <= 255, "a price is 1 to 255");
        require(amount != 0 && amount <= type(uint64).max, "an amount is 1 to 2^64 - 1");
        uint256 side = sell ? SELL : BUY;
        uint256 left = amount;
        uint256 steps;
        while (left > 0) {
            uint256 other = bestOf(1 - side);
            if (other == 0 || (sell ? other < price : other > price)) {
                return wait(side, price, left);
            }
            if (steps == MOST_STEPS) break;
            ++steps;
            left -= meet(1 - side, other, left);
        }
    }

    function cancel(uint256 number) external {
        Order storage gone = orders[number];
        uint256 amount = gone.amount;
        require(amount != 0 && gone.owner == msg.sender, "the caller has no such order");
        delete orders[number];
        (uint256 side, uint256 price) = (number >> 72, (number >> 64) & 0xff);
        Level memory queue = levels[levelKey(side, price)];
        loseOne(queue, side, price);
        levels[levelKey(side, price)] = queue;
        free[side][msg.sender] += side == SELL ? amount : amount * price;
        emit Cancelled(number, amount);
    }

    /// Fills as much as it can of the first order at a price.
    function meet(uint256 side, uint256 price, uint256 most) private returns (uint256 fill) {
        Level memory queue = levels[levelKey(side, price)];
        uint256 number = orderNumber(side, price, queue.first);
        Order memory waiting = orders[number];
        if (waiting.amount == 0) {
            ++queue.first;
            levels[levelKey(side, price)] = queue;
            return 0;
        }
        fill = most < waiting.amount ? most : waiting.amount;
        uint256 cost = fill * price;
        // Who waits sells what the taker gets: their side is the number of the token that they locked.
        if (side == BUY) {
            spend(0, fill);
            free[1][msg.sender] += cost;
            free[0][waiting.owner] += fill;
        } else {
            spend(1, cost);
            free[0][msg.sender] += fill;
            free[1][waiting.owner] += cost;
        }
        if (fill == waiting.amount) {
            delete orders[number];
            ++queue.first;
            loseOne(queue, side, price);
            levels[levelKey(side, price)] = queue;
        } else {
            // It is less than the order's amount.
            // forge-lint: disable-next-line(unsafe-typecast)
            orders[number].amount = waiting.amount - uint96(fill);
        }
        emit Filled(number, msg.sender, fill);
    }

    function wait(uint256 side, uint256 price, uint256 amount) private returns (uint256 number) {
        spend(side, side == SELL ? amount : amount * price);
        Level memory queue = levels[levelKey(side, price)];
        number = orderNumber(side, price, queue.end);
        // It is within 64 bits.
        // forge-lint: disable-next-line(unsafe-typecast)
        orders[number] = Order(uint96(amount), msg.sender);
        if (queue.waiting == 0) prices[side] |= 1 << price;
        ++queue.end;
        ++queue.waiting;
        levels[levelKey(side, price)] = queue;
        emit Placed(number, msg.sender, amount);
    }

    /// One order less; without any the price has none, and those that were cancelled are passed over.
    function loseOne(Level memory queue, uint256 side, uint256 price) private {
        --queue.waiting;
        if (queue.waiting == 0) {
            queue.first = queue.end;
            prices[side] &= ~(1 << price);
        }
    }

    function spend(uint256 index, uint256 amount) private {
        uint256 held = free[index][msg.sender];
        require(held >= amount, "more than there is in the book");
        unchecked {
            free[index][msg.sender] = held - amount;
        }
    }

    /// Takes a token from the caller, who approved of it.
    function take(uint256 index, uint256 amount) private {
        if (amount == 0) return;
        bool taken = IToken(token[index]).transferFrom(msg.sender, address(this), amount);
        require(taken, "a token did not move");
        free[index][msg.sender] += amount;
    }

    function give(uint256 index, uint256 amount) private {
        if (amount == 0) return;
        spend(index, amount);
        require(IToken(token[index]).transfer(msg.sender, amount), "a token did not move");
    }

    /// The lowest price of those who sell, the highest of those who buy; 0 where nobody does.
    function bestOf(uint256 side) private view returns (uint256) {
        uint256 bits = prices[side];
        if (side == SELL) {
            unchecked {
                bits &= 0 - bits;
            }
        }
        return highest(bits);
    }

    /// The place of the highest bit; 0 without one.
    function highest(uint256 bits) private pure returns (uint256 bit) {
        for (uint256 half = 128; half > 0; half >>= 1) {
            if (bits >> half > 0) {
                bits >>= half;
                bit += half;
            }
        }
    }

    function levelKey(uint256 side, uint256 price) private pure returns (uint256) {
        return side << 8 | price;
    }

    /// An order's number: its side, its price and its place.
    function orderNumber(uint256 side, uint256 price, uint256 index)
        private
        pure
        returns (uint256)
    {
        return side << 72 | price << 64 | index;
    }
}
